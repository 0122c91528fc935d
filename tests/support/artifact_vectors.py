"""Contents and digests that the real SDK (wandb 0.31.0) computes for them."""

from __future__ import annotations

from typing import Any

FILES: dict[str, bytes] = {
    "hello.txt": b"hello world\n",
    "empty.bin": b"",
    "data/numbers.csv": b"step,loss\n0,1.0\n1,0.5\n",
    "data/nested/raw.bin": bytes(range(256)),
    "Zeta.txt": b"Z",
    "alpha.txt": b"a",
    "data.txt": b"not in the directory\n",
    "café ☃.txt": "☃ snow\n".encode(),
}

MD5 = {
    "hello.txt": "b1kCrCNwJL3QwXbLkwY9xA==",
    "empty.bin": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "data/numbers.csv": "8NKI9PUjecmiNV5RckE1Og==",
    "data/nested/raw.bin": "4shl20Fivtljv6qe9qwY8A==",
    "Zeta.txt": "IcLllTHIcQFW00o8MKyB1Q==",
    "alpha.txt": "DMF1ucDxtqgxw5niaXcmYQ==",
    "data.txt": "+lb9CzeNDTk2UbDv8BzcPw==",
    "café ☃.txt": "eZn55kjxh1yZyt9Rkum10w==",
}

XXH128 = {
    "hello.txt": "7vrJ2HEAzRM2suczpUhEJQ==",
    "empty.bin": "maoG0wFHmNhgAcMkRo1Jfw==",
    "data/numbers.csv": "RgiNsd6DNwJeCbUAhl69FQ==",
    "data/nested/raw.bin": "8fipP1CEmsOUCKRDO5UtcQ==",
    "Zeta.txt": "om9f9SkLAWwnU9BajzIAAw==",
    "alpha.txt": "qW+vcFrxaDTmxjK2HpZOHw==",
    "data.txt": "tgRqgF5CTY71iOZ5u6QgoA==",
    "café ☃.txt": "LcnHn0tftvAIiQ9BgAAYFA==",
}

VERSIONS: dict[str, tuple[dict[str, str], str]] = {
    "empty": ({}, "64e7c61456b10382e2f3b571ac24b659"),
    "one file": ({"hello.txt": "hello.txt"}, "21866c7249bdfd9cd0fd1a1c7f4209a6"),
    "renamed": ({"sub/dir/greeting.txt": "hello.txt"}, "4020ea4be8f008da29ad33717b8b723f"),
    "three files": (
        {"hello.txt": "hello.txt", "empty.bin": "empty.bin", "numbers.csv": "data/numbers.csv"},
        "2c396becd82ef3f9b4322dd2a3476f6a",
    ),
    "sort order": (
        {
            "Zeta.txt": "Zeta.txt",
            "alpha.txt": "alpha.txt",
            "data.txt": "data.txt",
            "café ☃.txt": "café ☃.txt",
            "data/nested/raw.bin": "data/nested/raw.bin",
            "data/numbers.csv": "data/numbers.csv",
        },
        "b75d4356ed07d0386689fcbdd988acaa",
    ),
}
"""What each version holds, by path, and its digest."""

XXH128_VERSION = (
    {
        "hello.txt": "hello.txt",
        "data/nested/raw.bin": "data/nested/raw.bin",
        "data/numbers.csv": "data/numbers.csv",
    },
    "0ff3ee6d651317e646c3d8ffda538a42",
)

REFERENCES: tuple[dict[str, str], str] = (
    {
        "custom.bin": "custom://anything/at/all",
        "hello.txt": "b1kCrCNwJL3QwXbLkwY9xA==",
        "model.bin": "https://example.com/weights/model.bin",
        "renamed.bin": "https://example.com/weights/model.bin",
        "some/key.bin": "s3://my-bucket/some/key.bin",
        "v.bin": "s3://my-bucket/some/key.bin",
    },
    "004cb2c29fb3c2283944962b67c5ce76",
)
"""Digests of the entries of a version with references that were not looked at, and its own."""

LOCAL_URI = ("file:///data/hello.txt", "6b6Xsx4qIheQjgQutb/gLw==")
"""A reference to a local file that was not looked at: its digest is that of the URI."""

IDS = {
    "QXJ0aWZhY3Q6MTIzNDU=": "41727469666163743a3132333435",
    "QXJ0aWZhY3Q6MQ==": "41727469666163743a31",
}

MANIFEST: dict[str, Any] = {
    "version": 1,
    "storagePolicy": "wandb-storage-policy-v1",
    "storagePolicyConfig": {"storageLayout": "V2", "storageRegion": "coreweave-us"},
    "contents": {
        "hello.txt": {"digest": "b1kCrCNwJL3QwXbLkwY9xA==", "size": 12},
        "linked.txt": {
            "digest": "b1kCrCNwJL3QwXbLkwY9xA==",
            "ref": "wandb-artifact://41727469666163743a3132333435/hello.txt",
            "size": 0,
        },
    },
}

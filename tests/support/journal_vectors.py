"""Logs that others wrote: what `wandb` 0.31.0 wrote offline, and one that `wandb sync` accepted."""

from __future__ import annotations

import base64
import zlib

__all__ = ["HANDMADE", "OFFLINE"]

HANDMADE = zlib.decompress(
    base64.b64decode(
        "eNqzCldzeriP4QgrwxVxBkYOxlWMQlwCXGwGesaGegZCQNrcQM/g3MSSExZAWaYuRmMuttzKotI8QymWlNTc"
        "fCUeLi4uppyiJkZmAz1DJ86MxLwUhdzElNQuRk6OY4+bb7AJfGGWeTKNMw6onVkoiouHiyUnv7gYqB5oPhc3"
        "F2t8cUlqQRMjowGXNBdXfElmbmpxSWIuUITH0NzS1MjIxMDATM8U6CaOeKC1IHmwXaZcXEKMiUKMSSCtQkwc"
        "DO7xLedAlrCgWAJSiGSJIW5LzDEsMUSxxBBoCWPjj9g/uUBLWIUygSZBLRECBhYaQLbTCLedFhh2GqHYaQS0"
        "k6k4eqKYMNBONil+Ll6YnSwgOzN3BDiKAWXYs4Q4GIXYOI6DwluKLSM1Jyefq4P9jTEnUJJjEiMLB4MAOwBf"
        "qXC8"
    )
)
OFFLINE = zlib.decompress(
    base64.b64decode(
        "eNqtVmuIG1UU3pPHbnKTbtNpN6bT13T6UHbT6TwyebVFtpRdtmpKt0phRWMymTTZJpNtMt0nCzZSqEVQVIq2"
        "4tb2n1REqFAflKJQxB9FZcVSUCv+sFQqstSi/lDPzO7a3AW329Y/gZv57vd955x7zz3JvRu3/3C+aXRb97XH"
        "msADn/gJ8ZhFY0QURelt2EISZLMoKJIgdkhqPq5lNTUu5SRN1fJaVFekfDSejcSzuZykaLom53KyxjSLQkwU"
        "xB27vrt2ATkddWjl/WoiVipEB4rxg7E4JXIU3oDbK8aV0co668rp5QrfThaR5vRQxshl6+AYGyeEOErVOjhF"
        "QcJPYNShZYzP8ElpXIZ9Sejf7rJ4doLRC2a/16xmioZe3YQSfs/3N5673Bz44qfPjzuPQwfr46AAAzAMzwLw"
        "zYogSUKsvXk60n5/qWgcHN40HI+moxG/8dWPWzEMJ+W6724oTt88suhhpHDRFALb2kDxu/MOLIcu7nyhE1nc"
        "NIvIBjiI3wXPxeuTp9YgTzPFk20lrlKlVpMdIUg6PPDXlc4JC9UyB8U4Bze386DLLg+E4FDfpYc6EOVhHyRt"
        "zEytmJbqQcMslvU6gEhaiSfdsL4SiD4zgTu87HEgPgZqdXDzNbPK48JpZLCkzlQmRQgDOQb22wwbGJK2ttfM"
        "THmgDkGMLKHKsqpIsuUpEpH1DjFBGMYOoA7eMb5cNKxTQbyW3WGbJcg0+PDiCVIiclRVUdadrpn6gA1qYcB2"
        "2W18+8Tr6JIwr8JC9cmsPkj3rLuwjDBNU1/+FrDy7ltw3nv/fL9wGnf42TeBLJu16ptJlSio4/Noz5sBSZJj"
        "MTsDocZQfXaosWg8Hkk0BivNBtuQJakhOkk/vO6mdUIWMXhC/h9K4p8NGFuHet+BMng/kt49pzaiy1bqfvS3"
        "eYAhnqt2s7lwIs26C3qpVHlk5YEUj+DFNHhJA/jkDY0Fcuadn59eh8AADWT+hb10LM+69GqVKJHdXSsRuYRC"
        "XgFcDFWLpqkb5I81Z97dgRCGbhgKu5RqGL8679wz0urXyVVItZSiYnFBXFnMlpXk84nO9d2IWUbLRdkgJffa"
        "whTPHrt1xlJso9jabcVSxrSqLXed6lzKISZIYxZbb8Oo/TaMWF1gtP3Tb4IIe4A272acBGrnVPNsD34M0a7j"
        "bCgE9+L71nuP1w4j33K6gibjm6ngZ+eed7C6fWGT3N7O3lRPqpvbM1JGkv16jpO4fLGkc0XDrHBmQefwfebw"
        "AnC5YlXXzEp1ZAunZUolziYQaplBncvsw3eOQ3xtxNA4Qx+yKWoC2T10aco6IyzlRfYRL3HnBXPYDMBU+OTA"
        "WoSsoCC9AQIZBrKsqyfVtYu7Oul8q+9okEHcSgr3ITS98sv6Dx7FD6vo/G1hV8zJ35EFp1A58tHy/QCe1XPm"
        "hMuO/5gTJoGcgNuTwoswxg+MmIWKkR7Uq7ViBRscPy3Ih3mTT47xkcZ/FD75ZCQsKWEJf9WwFH0qzKsImPaG"
        "AEmmVojnG/3y42G+jBy4TSsVGzRntsw3tzQe5znHdmakcVshy3eeae4n4xOry9dTWMQ1dBG3sasCcM+k1z9O"
        "tFhvFLfgN+rvrq3iBtyx1p4YIwcG84o6WB1VCjrl62VweFz/AEJCqmQ="
    )
)

"""What `_wandb.value.t` of the config says: versions, features in use, libraries loaded.

It goes nowhere else, and a server needs it: a run without it does not count as started, and
cannot be resumed. The numbers are those of the protocol.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

from asyncwb.journal.records import TelemetryRecord
from asyncwb.run.environment.program import in_notebook
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["Feature", "Telemetry"]


class Feature(IntEnum):
    """What a run can use."""

    FINISH = 2
    OFFLINE = 4
    RESUMED = 5
    INIT_NAME = 13
    INIT_ID = 14
    INIT_TAGS = 15
    INIT_CONFIG = 16
    SET_NAME = 17
    SET_TAGS = 18
    SHARED = 67
    LABEL = 69
    FORK = 71
    REWIND = 72


class Telemetry:
    """Collects what a run uses.

    Args:
        settings: The run's settings.
        features: What `init` was given.
    """

    def __init__(self, settings: Settings, features: set[Feature]) -> None:
        self._features = features
        used = {
            Feature.OFFLINE: settings.mode == "offline",
            Feature.INIT_TAGS: bool(settings.run_tags),
            Feature.SHARED: settings.is_shared,
            Feature.LABEL: settings.label is not None,
            Feature.FORK: settings.fork_from is not None,
            Feature.REWIND: settings.resume_from is not None,
        }
        self._features |= {feature for feature, is_used in used.items() if is_used}
        self._imports = _loaded()

    def use(self, feature: Feature) -> None:
        """Note a feature; it is told at the end of the run."""
        self._features.add(feature)

    def record(self, *, finished: bool) -> TelemetryRecord:
        """All of it: a later record replaces an earlier one."""
        import platform  # at the first start of a run, not with the package

        system = platform.uname()
        return TelemetryRecord(
            imports_init=self._imports,
            imports_finish=_loaded() if finished else [],
            feature=sorted(self._features),
            python_version=platform.python_version(),
            cli_version=f"asyncwb-{VERSION}",
            huggingface_version=_transformers_version(),
            env=_environments(system.system),
            platform=f"{system.system}-{system.machine}".lower(),
        )


def _loaded() -> list[int]:
    return sorted(number for name, number in _LIBRARIES.items() if name in sys.modules)


def _transformers_version() -> str:
    module = sys.modules.get("transformers")
    version = getattr(module, "__version__", "")
    return version if isinstance(version, str) else ""


def _environments(system: str) -> list[int]:
    found = {
        1: in_notebook(),
        2: "KAGGLE_KERNEL_RUN_TYPE" in os.environ,
        3: system == "Windows",
        11: "PEX" in os.environ,
        12: "google.colab" in sys.modules,
        13: hasattr(sys.modules.get("builtins"), "__IPYTHON__"),
        14: "AWS_LAMBDA_FUNCTION_NAME" in os.environ,
    }
    return [number for number, is_true in found.items() if is_true]


def _numbered(text: str) -> dict[str, int]:
    pairs = (item.partition(":") for item in text.split())
    return {name: int(number) for number, _, name in pairs}


_LIBRARIES = _numbered(
    """
    1:torch 2:keras 3:tensorflow 4:fastai 5:sklearn 6:xgboost 7:catboost 8:lightgbm
    9:pytorch_lightning 10:ignite 11:transformers 12:jax 13:metaflow 14:allennlp 15:autogluon
    16:autokeras 18:catalyst 21:deepchem 22:deepctr 28:pycaret 29:pytorchvideo 30:ray
    31:simpletransformers 32:skorch 33:spacy 34:flash 35:optuna 36:recbole 37:mmcv 38:mmdet
    39:torchdrug 40:torchtext 41:torchvision 42:elegy 43:detectron2 44:flair 45:flax 46:syft
    47:TTS 48:monai 49:huggingface_hub 50:hydra 51:datasets 52:sacred 53:joblib 54:dask
    56:paddleocr 57:ppdet 58:paddleseg 59:paddlenlp 60:mmseg 61:mmocr 62:mmcls 63:timm
    64:fairseq 65:deepchecks 66:composer 67:sparseml 68:anomalib 69:zenml 70:colossalai
    71:accelerate 72:merlin 73:nanodet 74:segmentation_models_pytorch 75:sentence_transformers
    76:dgl 77:torch_geometric 78:jina 79:kornia 80:albumentations 81:keras_cv 82:mmengine
    83:diffusers 84:trl 85:trlx 86:langchain 87:llama_index 88:stability_sdk 89:prefect
    90:prefect_ray 91:pinecone 92:chromadb 93:weaviate 94:promptlayer 95:openai 96:cohere
    97:anthropic 98:peft 99:optimum 100:evaluate 101:langflow 102:keras_core
    103:lightning_fabric 104:curated_transformers 105:orjson 106:lightning 107:dspy
    """
)

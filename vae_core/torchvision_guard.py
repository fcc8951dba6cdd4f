"""Import torchvision beside a CPU-only torch.

torchvision's wheels link CUDA. Beside a `+cpu` build of torch their C++ extension does not load,
and `import torchvision` raises "operator torchvision::nms does not exist" because it registers
fake kernels for operators that were never declared. Declaring those two schemas first makes
datasets and transforms work; the operators themselves (box suppression) are not used here.
"""

import functools
from types import ModuleType

import torch


@functools.cache
def torchvision() -> ModuleType:
    """The torchvision package, imported on first use (about 1.4 s)."""
    if "+cpu" in torch.__version__ and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)  # a Library's operators vanish with it
    import torchvision.datasets

    return torchvision


_declared: list[torch.library.Library] = []

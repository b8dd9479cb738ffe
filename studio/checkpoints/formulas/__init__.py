"""Adapter types other than LoRA and OFT, one file each: PEFT's names of them, and their readers."""

from studio.checkpoints.formulas.adalora import AdaLora
from studio.checkpoints.formulas.boft import Boft
from studio.checkpoints.formulas.c3a import C3a
from studio.checkpoints.formulas.delora import Delora
from studio.checkpoints.formulas.hira import Hira
from studio.checkpoints.formulas.hra import Hra
from studio.checkpoints.formulas.ia3 import Ia3
from studio.checkpoints.formulas.ln_tuning import LnTuning
from studio.checkpoints.formulas.loha import LoHa
from studio.checkpoints.formulas.lokr import LoKr
from studio.checkpoints.formulas.miss import Miss
from studio.checkpoints.formulas.road import Road
from studio.checkpoints.formulas.shira import Shira
from studio.checkpoints.formulas.trainable_tokens import TrainableTokens
from studio.checkpoints.formulas.vera import Vera

FORMULAS = (
    AdaLora, Boft, C3a, Delora, Hira, Hra, Ia3, LnTuning, LoHa, LoKr, Miss, Road, Shira,
    TrainableTokens, Vera,
)  # fmt: skip

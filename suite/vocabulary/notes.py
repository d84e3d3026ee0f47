"""What the studies test: the notes' numbered phrases in their order, and whom claims cite."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suite.vocabulary.study import Study

PHRASES: dict[int, str] = {
    1: "神经网络的本质就是极端的信息压缩",
    2: "梯度下降法",
    3: "batch size 过大计算代价降低不明显",
    4: "batch size 过小导致最后准确率低",
    5: "每次调整时的步长（向量的模长）",
    6: "学习率过大会持续震荡，过小会加大计算难度",
    7: "synthetic_data 生成 y=Xw+b+噪声",
    8: "为什么 y 会和 features[:,1] 呈线性关系",
    9: "softmax 输出不同类别概率",
    10: "同时被视作全连接层",
    11: "感知机：二分类",
    12: "感知机无法解决 xor",
    13: "和 softMax 的最大区别就是中间的隐藏层",
    14: "所有的网络对于 pytorch 来说都是网络结构的区别",
    15: "训练误差 / 泛化误差",
    16: "验证数据集… 不要和训练数据混合",
    17: "测试数据集，只用一次",
    18: "k-则交叉验证，非大数据集",
    19: "低容量难以拟合，高容量可以记住所有数据",
    20: "参数个数",
    21: "参数值的范围",
    22: "模型容量需要匹配数据复杂度",
    23: "均方范数做硬性约束",
    24: "柔性限制",
    25: "权重随着时间的推移而不断变小",
    26: "lamda 为各优化函数的 weight decay 参数",
    27: "丢弃法也是一种正则化限制",
    28: "随机屏蔽某些单元",
    29: "层数较低的网络中不太存在",
    30: "梯度是前面层的累乘",
    31: "ReLU … 梯度爆炸",
    32: "float16 … 溢出",
    33: "对学习率敏感",
    34: "Sigmoid … 梯度消失",
    35: "合理的权重初始值与激活函数",
    36: "房屋数据",
    37: "参数管理",
    38: "自定义层",
    39: "使用GPU: Module 只能使用 to(device)",
    40: "引入色彩通道，减少信息的丢失",
    41: "一个卷积核的三个通道分别和三个 chan 做卷积",
    42: "每个输出通道识别特定的模式",
    43: "猫脸",
    44: "1x1 卷积层等同于一个全连接层",
    45: "卷积层对边界识别十分敏感",
    46: "池化超参数和卷积层一致",
    47: "池化缓解位置敏感性",
    48: "最大 / 平均池化",
    49: "LeNet",
    50: "AlexNet 本质和 LeNet 一致，仅改动网络结构让他更深",
    51: "VGG 使用模块化的思想",
    52: "本质就是神经网络的封装",
    53: "NiN 使用了卷积层替代了全连接层",
    54: "模型参数计算",
    55: "GoogLeNet 引入了 inception 块",
    56: "批量归一化 … 小批量中加入噪音控制复杂度",
    57: "固定均值与方差，学习偏移与缩放",
    58: "拥有参数的层",
    59: "没必要和丢弃法混合使用",
    60: "加速收敛（可以提高学习率）",
    61: "不改变模型精度",
    62: "保证复杂模型不会比简单模型效果差",
    63: "可以训练很深的网络",
    64: "对所有网络都产生了影响",
    65: "加法求导法则在起作用",
    66: "第二次竞赛 LeNet",
    67: "0.05% 不知道为什么结果跑出来这么差",
    68: "第二次竞赛 AlexNet",
    69: "所有的分类问题都需要 CrossEntropy 吗",
    70: "数据并行：每个 GPU 拿到完整参数计算某部分梯度",
    71: "性能好",
    72: "模型单卡能够计算时",
    73: "nn.DataParallel",
    74: "模型并行：串行推理，用于超大模型",
    75: "图片增广：照明条件、设备差异导致准确性降低",
    76: "预测可能的数据情况",
}


@dataclass(frozen=True)
class Chapter:
    """A chapter of the notes: the phrases `first` to `last`."""

    letter: str
    title: str
    first: int
    last: int


CHAPTERS: tuple[Chapter, ...] = (
    Chapter("A", "Optimisation", 1, 6),
    Chapter("B", "Linear and softmax regression, perceptron, MLP", 7, 14),
    Chapter("C", "Model selection and capacity", 15, 22),
    Chapter("D", "Weight decay and dropout", 23, 28),
    Chapter("E", "Numerical stability", 29, 35),
    Chapter("F", "Practice", 36, 39),
    Chapter("G", "Convolution and pooling", 40, 48),
    Chapter("H", "Architectures", 49, 65),
    Chapter("I", "Second competition, several devices, augmentation", 66, 76),
)
# Why no study of one machine can test a phrase.
NOT_TESTED: dict[int, str] = {
    14: "it says how networks are written: every study trains its network through one core",
}


@dataclass(frozen=True)
class Coverage:
    """A phrase of the notes, the studies that make claims about it, or why none does."""

    number: int
    phrase: str
    studies: tuple[str, ...]
    reason: str


def coverage(studies: Iterable[Study]) -> tuple[Coverage, ...]:
    """Return every numbered phrase of the notes with the studies that test it."""
    testing: dict[int, list[str]] = {number: [] for number in PHRASES}
    for study in studies:
        numbers = {claim.number for claim in study.claims}
        for number, names in testing.items():
            if number in numbers:
                names.append(study.name)
    return tuple(
        Coverage(
            number,
            phrase,
            tuple(testing[number]),
            "" if testing[number] else NOT_TESTED.get(number, "no study here tests it"),
        )
        for number, phrase in PHRASES.items()
    )


def citations(studies: Iterable[Study]) -> dict[str, tuple[str, ...]]:
    """Return whom the studies' claims cite, in alphabetical order, with the studies that do."""
    citing: dict[str, dict[str, None]] = {}
    for study in studies:
        for claim in study.claims:
            if claim.cites:
                citing.setdefault(claim.cites, {})[study.name] = None
    return {cites: tuple(citing[cites]) for cites in sorted(citing)}

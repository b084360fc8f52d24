"""The mark that ties an INT8 file to the weights it was made from; src/infer/variant.c reads it."""
from pathlib import Path

END = 64 << 10  # bytes at either end of the weights: a retrained model differs in its last layers at least
KEY = "fovea_int8_of"


def mark(weights):
    """Size of a .bin file and FNV-1a (64 bits) of its two ends, as `BYTES-HEX`."""
    size = Path(weights).stat().st_size
    with open(weights, "rb") as file:
        ends = file.read(END)
        file.seek(max(size - END, 0))
        ends += file.read(END)
    value = 0xCBF29CE484222325
    for byte in ends:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{size}-{value:016x}"

//! The ggml types: their numbers, their names, and how many bytes their blocks have.

/// A type of elements. They come in blocks of a fixed number, each of a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GgmlType {
    /// Its name in the `ggml_type` of docs/gguf.md, without `GGML_TYPE_`.
    pub(super) name: &'static str,
    /// Elements of a block.
    elements: u16,
    /// Bytes of a block.
    bytes: u16,
}

/// By number. Those without a name were given up before files had them, or are not measured here, because programs
/// disagree on the size of their blocks: 9 (Q8_1), which no model is stored in, and 42 (Q2_0). Nobody writes those of
/// 31 to 33 any more; files of them are still about.
const TYPES: [(&str, u16, u16); 42] = [
    ("F32", 1, 4),
    ("F16", 1, 2),
    ("Q4_0", 32, 18),
    ("Q4_1", 32, 20),
    ("", 0, 0),
    ("", 0, 0),
    ("Q5_0", 32, 22),
    ("Q5_1", 32, 24),
    ("Q8_0", 32, 34),
    ("", 0, 0),
    ("Q2_K", 256, 84),
    ("Q3_K", 256, 110),
    ("Q4_K", 256, 144),
    ("Q5_K", 256, 176),
    ("Q6_K", 256, 210),
    ("Q8_K", 256, 292),
    ("IQ2_XXS", 256, 66),
    ("IQ2_XS", 256, 74),
    ("IQ3_XXS", 256, 98),
    ("IQ1_S", 256, 50),
    ("IQ4_NL", 32, 18),
    ("IQ3_S", 256, 110),
    ("IQ2_S", 256, 82),
    ("IQ4_XS", 256, 136),
    ("I8", 1, 1),
    ("I16", 1, 2),
    ("I32", 1, 4),
    ("I64", 1, 8),
    ("F64", 1, 8),
    ("IQ1_M", 256, 56),
    ("BF16", 1, 2),
    ("Q4_0_4_4", 32, 18),
    ("Q4_0_4_8", 32, 18),
    ("Q4_0_8_8", 32, 18),
    ("TQ1_0", 256, 54),
    ("TQ2_0", 256, 66),
    ("", 0, 0),
    ("", 0, 0),
    ("", 0, 0),
    ("MXFP4", 32, 17),
    ("NVFP4", 64, 36),
    ("Q1_0", 128, 18),
];

impl GgmlType {
    /// The type with this number, where its size is known.
    pub(super) fn numbered(number: u32) -> Option<Self> {
        let &(name, elements, bytes) = TYPES.get(usize::try_from(number).ok()?)?;
        (elements > 0).then_some(Self {
            name,
            elements,
            bytes,
        })
    }

    /// Bytes of a tensor of this shape; none when a row is not made of whole blocks, or past 2^64.
    pub(super) fn bytes_of(self, shape: &[u64]) -> Option<u64> {
        let row = shape.first().copied().unwrap_or(1);
        let elements = u64::from(self.elements);
        if !row.is_multiple_of(elements) {
            return None;
        }
        let blocks = (row / elements).checked_mul(u64::from(self.bytes))?;
        shape
            .iter()
            .skip(1)
            .try_fold(blocks, |bytes, &n| bytes.checked_mul(n))
    }
}

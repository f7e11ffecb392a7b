//! Places as editors count them.

/// Line and column of a byte of `source`, both from 1; columns count characters.
#[must_use]
pub fn line_column(source: &str, offset: u32) -> (usize, usize) {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(source.len());
    let offset = (0..=offset).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let before = &source[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::line_column;

    #[test]
    fn places() {
        assert_eq!(line_column("a\nβγ c", 5), (2, 2));
        assert_eq!(line_column("a", 99), (1, 2));
        assert_eq!(line_column("", 0), (1, 1));
    }
}

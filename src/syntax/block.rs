//! What of a text between `"""` is layout: the line break behind the opening quotes, the indent that all
//! lines share, and the line of the closing quotes. Only what is written decides, never what an
//! interpolation or an escape stands for.

/// A piece of a block, in order.
pub(super) enum Piece<'t> {
    /// Characters that stand for themselves, and where they begin in the file. No two follow one another.
    Plain(&'t str, usize),
    /// An interpolation or an escape.
    Other,
}

/// Two lines with indents of which neither begins with the other: where each indent stands in the file.
#[derive(Debug, PartialEq)]
pub(super) struct Mixed {
    pub one: std::ops::Range<usize>,
    pub two: std::ops::Range<usize>,
}

/// The text of each piece without its layout, with `\n` as line end; empty for what is no plain text.
pub(super) fn without_layout(pieces: &[Piece]) -> Result<Vec<String>, Mixed> {
    let indent = shared_indent(pieces)?;
    let mut first_line = true;
    let mut texts = Vec::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Plain(plain, _) = piece else {
            first_line = false;
            texts.push(String::new());
            continue;
        };
        let lines: Vec<&str> = plain.split('\n').map(line_end_off).collect();
        let is_last = |line: usize| line + 1 == lines.len();
        let mut text = String::with_capacity(plain.len());
        for (line, written) in lines.iter().enumerate() {
            if line == 0 {
                // What stands on the line of the opening quotes, if anything does.
                if std::mem::take(&mut first_line) && !is_last(line) && is_blank(written) {
                    continue;
                }
                text.push_str(written);
            } else if is_last(line) && at + 1 == pieces.len() && is_blank(written) {
                // The line of the closing quotes.
            } else if is_blank(written) && !is_last(line) {
                text.push_str(&written[indent.min(written.len())..]);
            } else {
                text.push_str(&written[indent..]);
            }
            if !is_last(line) {
                text.push('\n');
            }
        }
        texts.push(text);
    }
    Ok(texts)
}

/// Bytes of the indent that every line begins with. The line of the opening quotes has none, and neither
/// has one of blanks alone.
fn shared_indent(pieces: &[Piece]) -> Result<usize, Mixed> {
    let mut shared: Option<(&str, usize)> = None;
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Plain(plain, start) = piece else { continue };
        let mut place = *start;
        let count = plain.split('\n').count();
        for (line, written) in plain.split('\n').enumerate() {
            let here = place;
            place += written.len() + 1;
            let is_last = line + 1 == count;
            let blank = is_blank(line_end_off(written));
            if line == 0 || blank && (!is_last || at + 1 == pieces.len()) {
                continue;
            }
            let indent = &written[..written.len() - written.trim_start_matches([' ', '\t']).len()];
            let (short, long) = match shared {
                Some((other, _)) if other.len() <= indent.len() => (other, indent),
                Some((other, _)) => (indent, other),
                None => (indent, indent),
            };
            if let Some((other, there)) = shared
                && !long.starts_with(short)
            {
                return Err(Mixed { one: there..there + other.len(), two: here..here + indent.len() });
            }
            if shared.is_none_or(|(other, _)| indent.len() < other.len()) {
                shared = Some((indent, here));
            }
        }
    }
    Ok(shared.map_or(0, |(indent, _)| indent.len()))
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|b| matches!(b, b' ' | b'\t'))
}

/// A line without the `\r` of its line end.
fn line_end_off(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block in which `$` is an interpolation and `\` an escape.
    fn pieces(text: &str) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for (at, sign) in text.match_indices(['$', '\\']).chain([(text.len(), "")]) {
            if start < at {
                pieces.push(Piece::Plain(&text[start..at], start));
            }
            if !sign.is_empty() {
                pieces.push(Piece::Other);
            }
            start = at + sign.len();
        }
        pieces
    }

    /// What is left of it.
    fn left(text: &str) -> String {
        let pieces = pieces(text);
        let texts = without_layout(&pieces).unwrap_or_else(|mixed| panic!("{text:?}: {mixed:?}"));
        let whole = pieces.iter().zip(texts).map(|(piece, text)| match piece {
            Piece::Plain(..) => text,
            Piece::Other => "$".into(),
        });
        whole.collect()
    }

    #[test]
    fn the_indent_of_what_is_written_is_taken_off() {
        for (block, expected) in [
            ("\n    $\n      image\n      port\n    ", "$\n  image\n  port\n"),
            ("\n    $\n      $\n    ", "$\n  $\n"),
            ("\n    \\a\n      b\n    ", "$a\n  b\n"),
            ("\n    x\n  y\n    ", "  x\ny\n"),
            ("\n  y\n    x\n  ", "y\n  x\n"),
            ("\n    a$\n    b\n    ", "a$\nb\n"),
            ("\n    a\\\n      b$c\n    ", "a$\n  b$c\n"),
            ("\n    a\n\n  \n      \n    b", "a\n\n\n  \nb"),
            ("\n\t\ta\n\t\t  b\n\t\t", "a\n  b\n"),
            ("\n  \ta\n  b", "\ta\nb"),
            ("one line", "one line"),
            ("first\n    second\n    ", "first\nsecond\n"),
            ("  \n    a\n", "a\n"),
            ("\n", ""),
            ("\n    ", ""),
            ("", ""),
            ("  ", "  "),
            ("$  ", "$  "),
            ("$\n", "$\n"),
            ("\\\n  a", "$\na"),
            ("\n$\n  a\n", "$\n  a\n"),
        ] {
            assert_eq!(left(block), expected, "{block:?}");
            assert_eq!(left(&block.replace('\n', "\r\n")), expected, "{block:?} with CR LF");
        }
    }

    #[test]
    fn tabs_and_spaces_are_never_taken_for_one_another() {
        for (block, one, two) in
            [("\n\ta\n    b\n", 1..2, 4..8), ("\n    $\n\tb\n", 1..5, 7..8), ("\n  \ta\n  \n   b", 1..4, 9..12)]
        {
            assert_eq!(without_layout(&pieces(block)), Err(Mixed { one, two }), "{block:?}");
        }
        assert_eq!(left("\n    a\n\t\n    b\n\t"), "a\n\nb\n", "a line of blanks alone has no indent");
    }
}

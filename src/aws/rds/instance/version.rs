//! Versions of database engines: `8.0` is any `8.0.x`.

/// Whether a version that runs is the wanted one: that itself, a part of it, or, where RDS upgrades by itself,
/// a later one of the same release.
pub fn fits(wanted: &str, present: &str, upgrades: bool) -> bool {
    if present == wanted || present.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.')) {
        return true;
    }
    let (Some((release, old)), Some((same, new))) = (wanted.rsplit_once('.'), present.rsplit_once('.')) else {
        return false;
    };
    let later = old.parse::<u32>().ok().zip(new.parse::<u32>().ok()).is_some_and(|(old, new)| new > old);
    upgrades && release == same && later
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_part_of_a_version_is_enough() {
        for (wanted, present, upgrades, expected) in [
            ("8.0", "8.0.35", false, true),
            ("8.0.35", "8.0.35", false, true),
            ("8", "8.0.35", false, true),
            ("8.0.3", "8.0.35", false, false),
            ("8.0.35", "8.0.36", false, false),
            ("8.0.35", "8.0.36", true, true),
            ("8.0.36", "8.0.35", true, false),
            ("8.0.35", "8.4.1", true, false),
            ("16", "17", true, false),
            ("16", "16.3", true, true),
            ("16.1", "16.3", true, true),
            ("19.0.0.0.ru-2023-01", "19.0.0.0.ru-2023-04", true, false),
        ] {
            assert_eq!(fits(wanted, present, upgrades), expected, "{wanted} {present}");
        }
    }
}

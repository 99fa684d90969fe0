//! Versions of database engines: `8.0` is any `8.0.x`.

/// Whether a version that runs is as wanted: that itself, one that the wanted one is a part of, or a later one. RDS
/// upgrades by itself, in the maintenance window or at the end of the support of a version, and never goes back.
pub fn fits(wanted: &str, present: &str) -> bool {
    if present == wanted || present.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.')) {
        return true;
    }
    let differing = wanted.split('.').zip(present.split('.')).find(|(wanted, present)| wanted != present);
    let number = |part: &str| part.parse::<u32>().ok();
    differing.is_some_and(|(wanted, present)| number(wanted).zip(number(present)).is_some_and(|(old, new)| new > old))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_part_of_a_version_is_enough_and_a_later_one_is_as_wanted() {
        for (wanted, present, expected) in [
            ("8.0", "8.0.35", true),
            ("8.0.35", "8.0.35", true),
            ("8", "8.0.35", true),
            ("8.0.35", "8.0", false),
            ("8.0.35", "8.0.36", true),
            ("8.0.36", "8.0.35", false),
            ("5.7", "8.0.35", true),
            ("8.4", "8.0.35", false),
            ("17", "16.3", false),
            ("16.1", "16.3", true),
            ("19.0.0.0.ru-2023-01", "19.0.0.0.ru-2023-04", false),
        ] {
            assert_eq!(fits(wanted, present), expected, "{wanted} {present}");
        }
    }
}

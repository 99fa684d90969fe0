//! What became of each environment: at the end of the run, and as a page for a build server.

use std::fmt::Write;

use jiff::Timestamp;

use crate::cli::expiry::told;
use crate::cli::reap::end::{End, Reaped, Standing};
use crate::cli::ui::Paint;
use crate::plan::markdown::{cell, code, plain_cell};
use crate::printable::Plain;

/// The end of the run in lines.
pub fn lines(all: &[Reaped]) -> Vec<(String, Paint)> {
    let column = all.iter().map(|reaped| reaped.name.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for Reaped { name, end, .. } in all {
        let (sign, paint) = match end {
            End::Down { .. } => ("v", Paint::Good),
            End::Would { .. } => ("-", Paint::Bad),
            End::Failed { .. } | End::Unreadable(_) => ("x", Paint::Bad),
            End::Held(_) | End::Changed(_) | End::Elsewhere(_) | End::NotTried => (".", Paint::Faint),
        };
        lines.push((format!("  {sign} {name:column$}  {}", end.in_words()), paint));
        for why in end.why() {
            lines.push((format!("      {why}"), Paint::Plain));
        }
        for Standing { address, template, id } in end.standing() {
            lines.push((format!("      stays: {address}  {template} {}", Plain(id)), Paint::Plain));
        }
    }
    lines.extend(after(all).map(|text| (format!("  {text}"), Paint::Plain)));
    lines
}

/// What is left to know, and to do.
fn after(all: &[Reaped]) -> impl Iterator<Item = &'static str> {
    let failed = all.iter().any(|reaped| matches!(reaped.end, End::Failed { .. }));
    let stands = all.iter().any(|reaped| !reaped.end.standing().is_empty());
    let said = [
        (stands, "What stays is taken back by a later apply of the same environment."),
        (failed, "What was done is recorded; the next reap goes on from there."),
    ];
    said.into_iter().filter(|(so, _)| *so).map(|(_, text)| text)
}

/// The same as Markdown, with a line break at its end.
pub fn page(project: &str, all: &[Reaped], dry_run: bool, now: Timestamp) -> String {
    let count = |is: &dyn Fn(&End) -> bool| all.iter().filter(|reaped| is(&reaped.end)).count();
    let parts = [
        (count(&|end| matches!(end, End::Down { .. })), "taken down"),
        (count(&|end| matches!(end, End::Would { .. })), "to be taken down"),
        (count(&End::is_failure), "failed"),
        (count(&End::is_skipped), "skipped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let sum = if parts.is_empty() { "nothing has expired".to_string() } else { parts.join(", ") };
    let kind = if dry_run { " (dry run)" } else { "" };
    let mut page = format!("### Expired environments of {}: {sum}{kind}\n", code(project));
    if !all.is_empty() {
        page.push_str("\n| environment | expired | what became of it |\n| --- | --- | --- |\n");
    }
    for Reaped { name, expired, end } in all {
        let expired = expired.map_or_else(|| "?".to_string(), |at| told(at, now));
        let words = end.in_words();
        let words = plain_cell(&words);
        let words = if end.is_failure() { format!("**{words}**") } else { words };
        let whys: String = end.why().iter().map(|why| format!("<br>{}", plain_cell(why))).collect();
        let _ = writeln!(page, "| {} | {expired} | {} |", cell(name), words + &whys);
    }
    let standing: Vec<(&str, &Standing)> =
        all.iter().flat_map(|reaped| reaped.end.standing().iter().map(|one| (reaped.name.as_str(), one))).collect();
    if !standing.is_empty() {
        let words = if dry_run { "Would be left standing" } else { "Left standing" };
        let _ = write!(page, "\n{words}:\n\n| environment | component | type | id |\n| --- | --- | --- | --- |\n");
    }
    for (name, Standing { address, template, id }) in standing {
        let address = cell(&address.to_string());
        let _ = writeln!(page, "| {} | {address} | {} | {} |", cell(name), cell(template.as_str()), cell(id));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> Vec<Reaped> {
        let reaped =
            |name: &str, end| Reaped { name: name.into(), expired: Some("2026-11-21T14:00:00Z".parse().unwrap()), end };
        let standing = || {
            vec![Standing {
                address: "site[\"a|b\"].images".parse().unwrap(),
                template: "PersistentS3Bucket".into(),
                id: "pr-1-images".into(),
            }]
        };
        let why = vec!["`site[\"a|b\"]`: it is held by `<b>x</b>` | *others*".to_string(), "3 not tried".to_string()];
        let unread = "`.tadpole/pr-6/state.json` is damaged: its checksum does not fit its content";
        vec![
            Reaped { expired: None, ..reaped("pr-6", End::Unreadable(unread.into())) },
            reaped("pr-1", End::Down { gone: 18, standing: standing() }),
            reaped("pr-2", End::Down { gone: 0, standing: Vec::new() }),
            reaped("pr-3", End::Failed { why, left: 4, standing: Vec::new() }),
            reaped("pr-4", End::Held("`tadpole apply` on build-7 (process 812) since 2026-11-21T15:59:58Z".into())),
            reaped("pr-5", End::Changed("it was extended meanwhile, and stays".into())),
            reaped("demo", End::Elsewhere("sandbox".into())),
            reaped("prod", End::NotTried),
        ]
    }

    #[test]
    fn what_became_of_each_is_told_at_the_end() {
        let lines: Vec<String> = lines(&ended()).into_iter().map(|(line, _)| line).collect();
        assert_eq!(
            lines.join("\n"),
            r#"  x pr-6  cannot be read: `.tadpole/pr-6/state.json` is damaged: its checksum does not fit its content
  v pr-1  taken down: 18 resources
      stays: site["a|b"].images  PersistentS3Bucket pr-1-images
  v pr-2  taken down: nothing was left in it
  x pr-3  failed: 4 resources still recorded
      `site["a|b"]`: it is held by `<b>x</b>` | *others*
      3 not tried
  . pr-4  skipped: it is being changed by `tadpole apply` on build-7 (process 812) since 2026-11-21T15:59:58Z
  . pr-5  skipped: it was extended meanwhile, and stays
  . demo  skipped: it is in the sandbox, and `--sandbox` was left out
  . prod  not tried: this was stopped before
  What stays is taken back by a later apply of the same environment.
  What was done is recorded; the next reap goes on from there."#
        );
    }

    #[test]
    fn a_page_takes_nothing_for_markdown() {
        assert_eq!(
            page("shop", &ended(), false, "2026-11-21T16:00:00Z".parse().unwrap()),
            r#"### Expired environments of `shop`: 2 taken down, 2 failed, 4 skipped

| environment | expired | what became of it |
| --- | --- | --- |
| `pr-6` | ? | **cannot be read: `.tadpole/pr-6/state.json` is damaged: its checksum does not fit its content** |
| `pr-1` | 2026-11-21 14:00 UTC, 2 h ago | taken down: 18 resources |
| `pr-2` | 2026-11-21 14:00 UTC, 2 h ago | taken down: nothing was left in it |
| `pr-3` | 2026-11-21 14:00 UTC, 2 h ago | **failed: 4 resources still recorded**<br>`site["a\|b"]`: it is held by `<b>x</b>` \| \*others\*<br>3 not tried |
| `pr-4` | 2026-11-21 14:00 UTC, 2 h ago | skipped: it is being changed by `tadpole apply` on build-7 (process 812) since 2026-11-21T15:59:58Z |
| `pr-5` | 2026-11-21 14:00 UTC, 2 h ago | skipped: it was extended meanwhile, and stays |
| `demo` | 2026-11-21 14:00 UTC, 2 h ago | skipped: it is in the sandbox, and `--sandbox` was left out |
| `prod` | 2026-11-21 14:00 UTC, 2 h ago | not tried: this was stopped before |

Left standing:

| environment | component | type | id |
| --- | --- | --- | --- |
| `pr-1` | `site["a\|b"].images` | `PersistentS3Bucket` | `pr-1-images` |
"#
        );
        let nothing = page("shop", &[], false, Timestamp::UNIX_EPOCH);
        assert_eq!(nothing, "### Expired environments of `shop`: nothing has expired\n");
    }
}

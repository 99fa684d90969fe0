//! `tadpole docs`: what is written about templates, types and functions, of the library and of a program.

use std::path::{Path, PathBuf};

use crate::cli::context::directory_of;
use crate::cli::disk::Disk;
use crate::cli::streams::{put_out, say};
use crate::cli::ui::Look;
use crate::cli::{Exit, markdown as terminal};
use crate::compile::reference;
use crate::diagnostic::Report;
use crate::reference::markdown;
use crate::resolve::load::Loader;
use crate::source::Sources;

#[derive(clap::Args)]
pub struct Docs {
    /// A template, type, function or format; without one, all are listed
    #[arg(value_name = "TYPE")]
    name: Option<String>,
    /// A program whose own are shown too: a directory with `.cloud` files, or one file [default: .]
    #[arg(value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// Print Markdown, as for publishing
    #[arg(long)]
    markdown: bool,
    /// Print all pages
    #[arg(long)]
    all: bool,
}

impl Docs {
    pub fn run(self, look: Look) -> Exit {
        let Some((name, program)) = self.places() else {
            say("`--all` shows everything, and here is a name to look up", Some("leave one of them out"), look);
            return Exit::Wrong;
        };
        // The library is there to be read anywhere, also where there is no program.
        let here = || Some(PathBuf::from(".")).filter(|here| Disk::typed().program(here).is_ok());
        let named = program.is_some();
        let program = program.or_else(here);
        let disk = Disk::of_program(program.as_deref().map_or(Path::new("."), directory_of), &[]);
        let mut report = Report::default();
        let mut sources = Sources::default();
        let reference = reference(program.as_deref(), &disk, &mut sources, &mut report);
        if named && let Some(unreadable) = report.sorted().into_iter().find(|said| said.labels.is_empty()) {
            say(&unreadable.message, unreadable.help.as_deref(), look);
            return Exit::Wrong;
        }
        if report.has_errors() {
            let program = program.as_deref().unwrap_or(Path::new("."));
            let what = format!("the program in `{}` has errors: of its own, not all is shown", program.display());
            say(&what, Some("`tadpole check` says more"), look);
        }
        let text = match &name {
            None if self.all => markdown::all(&reference),
            None => markdown::list(&reference),
            Some(name) => {
                let pages = reference.find(name);
                if pages.is_empty() {
                    let help = reference.meant(name).unwrap_or_else(|| "`tadpole docs` lists all there is".into());
                    say(&format!("there is nothing called `{name}` to look up"), Some(&help), look);
                    return Exit::Wrong;
                }
                pages.iter().map(|page| markdown::page(&reference, page)).collect::<Vec<_>>().join("\n")
            }
        };
        let text = if self.markdown { text } else { terminal::render(&text, Look::of_output()) };
        put_out(&text, look).unwrap_or(Exit::Done)
    }

    /// What to look up, and in which program: a word with a `.` or a `/` in it is no name. Nothing when a
    /// name stands beside `--all`.
    fn places(&self) -> Option<(Option<&str>, Option<PathBuf>)> {
        let is_path = |word: &str| self.all || word.contains(['.', '/', std::path::MAIN_SEPARATOR]);
        match (self.name.as_deref(), &self.program) {
            (Some(path), None) if is_path(path) => Some((None, Some(path.into()))),
            (Some(_), Some(_)) if self.all => None,
            (name, program) => Some((name, program.clone())),
        }
    }
}

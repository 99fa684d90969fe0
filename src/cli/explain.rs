//! `tadpole explain`: the page of a diagnostic code. The pages are the files of `docs/errors/`, which are
//! compiled in: adding a page is adding a file.

use include_dir::{Dir, include_dir};

use crate::cli::session::{put_out, say};
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, markdown};
use crate::diagnostic::closest;

static PAGES: Dir = include_dir!("$CARGO_MANIFEST_DIR/docs/errors");

#[derive(clap::Args)]
pub struct Explain {
    /// A code, as messages show it or without its `cloud::`; without one, all codes are listed
    code: Option<String>,
}

/// A page: a title line with its code, a paragraph of one sentence, and the rest.
pub struct Page {
    /// What its file is called: `type.mismatch` for `cloud::type::mismatch`.
    name: &'static str,
    /// In Markdown.
    pub text: &'static str,
}

impl Page {
    fn code(&self) -> String {
        format!("cloud::{}", self.name.replace('.', "::"))
    }

    /// Its sentence, which stands below its title.
    pub fn summary(&self) -> &'static str {
        self.text.split("\n\n").nth(1).unwrap_or_default().trim()
    }
}

impl Explain {
    pub fn run(self, look: Look) -> Exit {
        // What is read goes to standard output, which need not be where errors go.
        let output = Look::of_output();
        let pages = pages();
        let text = match &self.code {
            None => list(&pages, output),
            Some(code) => match find(&pages, code) {
                Ok(page) => markdown::render(page.text, output),
                Err(near) => {
                    let help = match near {
                        Some(page) => format!("did you mean `{}`?", page.code()),
                        None => "`tadpole explain` lists all codes".into(),
                    };
                    say(&format!("there is no code `{code}`"), Some(&help), look);
                    return Exit::Wrong;
                }
            },
        };
        put_out(&text, look).unwrap_or(Exit::Done)
    }
}

/// The page of a code as it stands in a diagnostic, if there is one.
pub fn page(code: &str) -> Option<Page> {
    let name = code.strip_prefix("cloud::")?.replace("::", ".");
    let file =
        PAGES.files().find(|file| file.path().to_str().and_then(|path| path.strip_suffix(".md")) == Some(&name))?;
    read(file)
}

fn read(file: &'static include_dir::File) -> Option<Page> {
    let name = file.path().file_name()?.to_str()?.strip_suffix(".md")?;
    Some(Page { name, text: file.contents_utf8()? })
}

/// All pages in the order of their codes.
fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = PAGES.files().filter_map(read).collect();
    pages.sort_by_key(|page| page.name);
    pages
}

/// The page of a code, however it is written.
///
/// # Errors
/// With the one that was probably meant.
fn find<'p>(pages: &'p [Page], code: &str) -> Result<&'p Page, Option<&'p Page>> {
    let code = code.trim().replace("::", ".");
    let name = code.strip_prefix("cloud.").unwrap_or(&code);
    let called = |name: &str| pages.iter().find(|page| page.name == name);
    called(name).ok_or_else(|| {
        let last = |page: &&Page| page.name.rsplit('.').next() == Some(name);
        closest(name, pages.iter().map(|page| page.name)).and_then(called).or_else(|| pages.iter().find(last))
    })
}

fn list(pages: &[Page], look: Look) -> String {
    let row = |page: &Page| vec![look.paint(&page.code(), Paint::Strong), page.summary().to_string()];
    let rows: Vec<Vec<String>> = pages.iter().map(row).collect();
    markdown::columns(&rows, look.width)
}

#[cfg(test)]
mod tests {
    use super::{find, pages};

    #[test]
    fn a_code_is_found_however_it_is_written() {
        let pages = pages();
        for written in ["cloud::type::mismatch", "type::mismatch", "type.mismatch", "cloud.type.mismatch"] {
            assert_eq!(find(&pages, written).ok().map(|page| page.name), Some("type.mismatch"), "{written}");
        }
    }

    #[test]
    fn one_that_is_not_there_is_near_to_one_that_is() {
        let pages = pages();
        let near = |written: &str| find(&pages, written).err().map(|near| near.map(|page| page.name));
        assert_eq!(near("cloud::type::missmatch"), Some(Some("type.mismatch")));
        assert_eq!(near("mismatch"), Some(Some("type.mismatch")));
        assert_eq!(near("E0308"), Some(None));
        assert_eq!(near("../../README"), Some(None));
    }
}

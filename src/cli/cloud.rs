//! What a command works on: the sandbox, or the real clouds that this program was built for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::apply::provider::Provider;
use crate::apply::several::{REAL, Several, cloud_of};
use crate::cli::streams::{say, tell_line};
use crate::cli::ui::{Look, Paint};
use crate::cli::{Exit, breakage, sandbox};
use crate::graph::ResourceGraph;
use crate::local::Local;
use crate::sandbox::{Sandbox, Schemas};

/// Which cloud a command works on.
#[derive(clap::Args, Clone, Debug)]
pub struct Cloud {
    /// Use the embedded sandbox in place of the real cloud
    #[arg(long)]
    pub sandbox: bool,
}

/// Where things of a record are, behind their number; nothing of what is simply there.
pub fn whereabouts(cloud: &str) -> String {
    if cloud == REAL { String::new() } else { format!(" in `{cloud}`") }
}

/// Whether this program was built to make things of these kinds. If not, says so.
pub fn are_made<'k>(mut kinds: impl Iterator<Item = &'k str>, look: Look) -> Result<(), Exit> {
    if cfg!(feature = "aws") || kinds.all(|kind| cloud_of(kind) != "aws") {
        return Ok(());
    }
    say("this tadpole was built without AWS", Some("add `--sandbox`, or build it with the feature `aws`"), look);
    Err(Exit::Wrong)
}

/// What a command works on. Files of the program are read beside it.
pub async fn provider(
    cloud: &Cloud,
    directory: &Path,
    program: &Path,
    graph: &ResourceGraph,
    look: Look,
) -> Result<Arc<dyn Provider>, Exit> {
    if cloud.sandbox {
        let schemas: Schemas =
            graph.in_order().map(|resource| (resource.schema.kind.clone(), resource.schema.clone())).collect();
        let path = crate::sandbox::file(directory);
        return match Sandbox::open(&path, schemas) {
            Ok(sandbox) => {
                if let Some(text) = breakage::warning(&sandbox.weather()) {
                    tell_line(&look.paint(&text, Paint::Change));
                }
                Ok(Arc::new(sandbox))
            }
            Err(error) => Err(sandbox::say_unusable(&path, &error, look)),
        };
    }
    are_made(graph.in_order().map(|resource| &*resource.schema.kind), look)?;
    Ok(Arc::new(Several::new([
        Arc::new(Local::new(program, directory, launcher())) as Arc<dyn Provider>,
        #[cfg(feature = "aws")]
        Arc::new(crate::aws::Aws::with(crate::aws::Settings {
            directory: program.to_path_buf(),
            ..Default::default()
        })),
    ])))
}

/// This program, as it can be called once more: also when its file was replaced meanwhile.
pub fn launcher() -> PathBuf {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { own } else { std::env::current_exe().unwrap_or_else(|_| "tadpole".into()) }
}

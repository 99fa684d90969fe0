//! `tadpole eval`: the value of an expression, or of each that is typed, against a program and, where there is one, its record.

use crate::cli::Exit;
use crate::cli::context::{Place, say_report};
use crate::cli::repl;
use crate::cli::session::say_store;
use crate::cli::streams::{put_json, put_out, say, tell};
use crate::cli::ui::{self, Look};
use crate::compile;
use crate::diagnostic::{Diagnostic, Report};
use crate::model::operation::value_ty;
use crate::model::term::{Nothing, Term};
use crate::model::ty::Ty;
use crate::source::Sources;
use crate::state::store;
use crate::value::json_text;

#[derive(clap::Args)]
pub struct Eval {
    /// The expression: `site.bucket`, `length(web)`, `if env == "prod" then 3 else 1`; without one, or with
    /// `-`, each that is typed, or that comes from a pipe
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Print the value as JSON, without its type
    #[arg(long)]
    json: bool,
}

impl Eval {
    pub fn run(self, look: Look) -> Exit {
        if !self.place.is_sound(look) {
            return Exit::Wrong;
        }
        match self.expression.as_deref() {
            None | Some("-") => repl::each(look, |expression| self.value(expression, look)),
            Some(expression) => self.value(expression, look),
        }
    }

    fn value(&self, expression: &str, look: Look) -> Exit {
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let inputs = self.place.inputs(true);
        let term = compile::evaluate(&inputs, expression, &self.place.disk(), &mut sources, &mut report);
        sources.hide(report.secrets());
        let state = match store::peek(&self.place.record()) {
            Ok(state) => state,
            Err(fault) => return say_store(&fault, look),
        };
        let Some(term) = term else {
            say_report(&report, &sources, look);
            return Exit::Wrong;
        };
        say_report(&report, &sources, look);
        let ty = term.ty();
        let settled = match &state {
            Some(state) => term.settle(state),
            None => term.settle(&Nothing),
        };
        match settled {
            Ok(Term::Known(value)) if self.json => {
                if value.holds_secret() {
                    say("this holds a secret, and secrets are not printed", None, look);
                    return Exit::Wrong;
                }
                put_json(&format!("{}\n", json_text(&value.reveal())), look).unwrap_or(Exit::Done)
            }
            Ok(Term::Known(value)) => {
                let ty = if ty == Ty::Any { value_ty(&value) } else { ty };
                put_out(&format!("{value} : {ty}\n"), look).unwrap_or(Exit::Done)
            }
            Ok(term) if self.json => {
                let help = "apply the program, and it is recorded";
                say(&format!("`{term}` is known only after apply"), Some(help), look);
                Exit::Wrong
            }
            Ok(term) => put_out(&format!("{term} (known after apply) : {ty}\n"), look).unwrap_or(Exit::Done),
            Err(message) => {
                tell(&ui::render_one(&Diagnostic::error("cloud::value::impossible", message), &sources, look));
                Exit::Wrong
            }
        }
    }
}

//! What the attributes of an action must be together, or have in them, beyond their types: one row each.

use std::collections::BTreeMap;

use crate::check::secret::deciding_setting;
use crate::diagnostic::Diagnostic;
use crate::model::action::{ActionTerm, Verb};
use crate::model::term::Term;
use crate::model::ty::Ty;
use crate::source::Span;
use crate::value::Value;

/// What is wrong, the words at its place, and what to write instead.
struct Wrong {
    message: String,
    label: &'static str,
    help: &'static str,
}

/// Nothing is wrong with what is known only later.
type Demand = fn(&ActionTerm) -> Option<Wrong>;

const CODE: &str = "cloud::action::setting";
const SECRET: &str = "cloud::action::secret";

static DEMANDS: [(Verb, &str, Demand); 8] = [
    (Verb::Exec, CODE, exec_has_one_command),
    (Verb::Exec, SECRET, exec_shows_no_secret),
    (Verb::Exec, CODE, exec_has_variables),
    (Verb::Http, CODE, http_says_who_asks_once),
    (Verb::Http, CODE, http_looks_into_something),
    (Verb::Http, CODE, http_has_paths),
    (Verb::Dns, CODE, dns_expects_something),
    (Verb::Webhook, CODE, webhook_signs_in_a_header),
];

/// What is wrong with an action by itself.
pub(super) fn demands(action: &ActionTerm, place: Span) -> Vec<Diagnostic> {
    let rows = DEMANDS.iter().filter(|(verb, ..)| *verb == action.verb);
    let wrong = rows.filter_map(|(_, code, demand)| {
        let Wrong { message, label, help } = demand(action)?;
        Some(Diagnostic::error(code, message).label(place, label).help(help))
    });
    wrong.chain(insecure(action, place)).chain(deciding_setting(action, place)).collect()
}

fn insecure(action: &ActionTerm, place: Span) -> Option<Diagnostic> {
    let is_insecure = match setting(action, "tls")? {
        Term::Known(Value::Data(data)) => data.fields.get("insecure") == Some(&Value::Bool(true)),
        Term::Data { fields, .. } => fields.get("insecure").and_then(Term::known) == Some(&Value::Bool(true)),
        _ => false,
    };
    is_insecure.then(|| {
        let message = format!("`{}` believes whoever answers", action.name);
        Diagnostic::warning("cloud::action::insecure", message)
            .label(place, "`insecure` is true: anybody in between can answer, and read what is sent")
            .help("believe the one who signed its certificate: `tls { ca \"ca.pem\"; }`")
    })
}

fn setting<'t>(action: &'t ActionTerm, name: &str) -> Option<&'t Term> {
    action.settings.get(name).filter(|term| !term.is_null())
}

fn exec_has_one_command(action: &ActionTerm) -> Option<Wrong> {
    let (command, shell) = (setting(action, "command")?, setting(action, "shell"));
    let (is_empty, name) = (is_empty(command), &action.name);
    match shell {
        None if is_empty => Some(Wrong {
            message: format!("`{name}` runs nothing"),
            label: "neither its `command` nor its `shell` is set",
            help: "set one: `command [\"./migrate.sh\", \"up\"];`",
        }),
        Some(_) if !is_empty && !command.is_open() => Some(Wrong {
            message: format!("`{name}` has two commands"),
            label: "both its `command` and its `shell` are set",
            help: "leave one of them; `Sequence` does one after the other",
        }),
        Some(_) | None => None,
    }
}

fn exec_shows_no_secret(action: &ActionTerm) -> Option<Wrong> {
    let attribute = ["command", "shell"].into_iter().find(|name| setting(action, name).is_some_and(holds_secret))?;
    Some(Wrong {
        message: format!("a secret is in the `{attribute}` of `{}`", action.name),
        label: "every user of the machine can see how a command was called",
        help: "hand it over as a variable: `environment { PASSWORD ...; }`",
    })
}

fn exec_has_variables(action: &ActionTerm) -> Option<Wrong> {
    let name = keys(setting(action, "environment")?).find(|name| name.is_empty() || name.contains('='))?;
    Some(Wrong {
        message: format!("no variable can be called `{}`", name.escape_debug()),
        label: "a name of a variable has no `=` in it",
        help: "write it as `environment { NAME \"value\"; }`",
    })
}

fn http_says_who_asks_once(action: &ActionTerm) -> Option<Wrong> {
    let ways = ["basic", "signature"].into_iter().filter(|name| setting(action, name).is_some()).count();
    let header = setting(action, "headers")
        .is_some_and(|headers| keys(headers).any(|name| name.eq_ignore_ascii_case("authorization")));
    (ways + usize::from(header) > 1).then(|| Wrong {
        message: format!("`{}` says in two ways who asks", action.name),
        label: "of `basic`, `signature` and the header `authorization`, a request has one",
        help: "leave one of them",
    })
}

fn http_looks_into_something(action: &ActionTerm) -> Option<Wrong> {
    let is_head = setting(action, "method").and_then(Term::known).and_then(Value::as_str) == Some("HEAD");
    let looks = setting(action, "expectBody").is_some()
        || setting(action, "expectPattern").is_some()
        || setting(action, "expectJson").is_some_and(|json| !is_empty(json));
    (is_head && looks).then(|| Wrong {
        message: format!("`{}` never passes", action.name),
        label: "the answer to a `HEAD` is empty, and something is expected in it",
        help: "ask with `method \"GET\";`",
    })
}

fn http_has_paths(action: &ActionTerm) -> Option<Wrong> {
    let is_path = |path: &&str| jsonpath_rust::parser::parse_json_path(path).is_ok();
    let path = keys(setting(action, "expectJson")?).find(|path| !is_path(path))?;
    Some(Wrong {
        message: format!("`{}` is no path in a JSON document", path.escape_debug()),
        label: "its `expectJson` looks there",
        help: "a path begins with `$`: `\"$.status\"`, `\"$.nodes[0].ready\"`",
    })
}

fn dns_expects_something(action: &ActionTerm) -> Option<Wrong> {
    let is_only = setting(action, "expect").and_then(Term::known).and_then(Value::as_str) == Some("only");
    (is_only && is_empty(setting(action, "expectAnswers")?)).then(|| Wrong {
        message: format!("`{}` never passes", action.name),
        label: "only what is in `expectAnswers` may be there, and nothing is",
        help: "set `expectAnswers`, or leave `expect` out: any answer will do then",
    })
}

fn webhook_signs_in_a_header(action: &ActionTerm) -> Option<Wrong> {
    let header = setting(action, "signatureHeader")?.known()?.as_str()?;
    // RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (header.is_empty() || !header.bytes().all(is_token)).then(|| Wrong {
        message: format!("no header can be called `{}`", header.escape_debug()),
        label: "its `signatureHeader` is",
        help: "a name of letters, digits and `-`: `X-Signature-256`",
    })
}

fn is_empty(term: &Term) -> bool {
    match term {
        Term::Known(Value::List(items)) => items.is_empty(),
        Term::Known(Value::Map(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn keys(term: &Term) -> Box<dyn Iterator<Item = &str> + '_> {
    fn names<V>(entries: &BTreeMap<String, V>) -> impl Iterator<Item = &str> {
        entries.keys().map(String::as_str)
    }
    match term {
        Term::Known(Value::Map(entries)) => Box::new(names(entries)),
        Term::Map(entries) => Box::new(names(entries)),
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether there is a secret in it for certain, known by now or not.
fn holds_secret(term: &Term) -> bool {
    let mut known = false;
    term.values(&mut |value| known |= value.holds_secret());
    known || is_secret(term)
}

fn is_secret(term: &Term) -> bool {
    match term {
        Term::Output(output) => *output.ty.plain() == Ty::Secret,
        Term::Call { ty, arguments, .. } => *ty.plain() == Ty::Secret || arguments.iter().any(is_secret),
        Term::Open(ty) => *ty.plain() == Ty::Secret,
        Term::List(items) => items.iter().any(is_secret),
        Term::Map(entries) => entries.values().any(is_secret),
        Term::Each(each) => each.parts().any(is_secret),
        Term::Data { fields, .. } => fields.values().any(is_secret),
        Term::Known(_) | Term::Reference { .. } | Term::Existing { .. } | Term::Variable(_) => false,
    }
}

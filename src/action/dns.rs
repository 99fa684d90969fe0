//! `Dns`: looks a name up until the answers are as expected.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, QTYPE, RCODE, TYPE};

use crate::action::request::refused;
use crate::action::setting::Settings;
use crate::action::{Look, Scene, probe, resolver, shown};
use crate::apply::hidden::Hidden;
use crate::apply::provider::Fault;
use crate::model::action::Action;

/// As much of the answers is told, in bytes.
const TOLD: usize = 160;

/// How the answers must be to those that are expected.
#[derive(Clone, Copy)]
enum Match {
    All,
    Any,
    Only,
}

struct Question {
    name: String,
    kind: TYPE,
    word: String,
    /// As answers are compared.
    expected: BTreeSet<String>,
    how: Match,
    server: Option<String>,
    timeout: Duration,
}

/// Passes when the answers are as expected.
///
/// # Errors
/// What they are instead, when its time is over; at once when nobody can be asked.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let settings = Settings::of(action, scene);
    let hidden = settings.hidden(scene);
    let question = Question::of(&settings, &hidden)?;
    let look = || async {
        let look = question.ask(&hidden).await.map_err(|fault| hidden.fault(fault))?;
        Ok(look.map(|why| hidden.text(why)))
    };
    probe::run(action, scene, look).await
}

impl Question {
    fn of(settings: &Settings<'_>, hidden: &Hidden) -> Result<Question, Fault> {
        let name = settings.text("name")?.unwrap_or_default();
        if name.trim_end_matches('.').split('.').any(str::is_empty) {
            return Err(refused(format!("`{}` is no name that can be looked up", hidden.cut(&name, TOLD))));
        }
        let word = settings.text("recordType")?.unwrap_or_else(|| "A".to_string());
        let kind = match word.as_str() {
            "A" => TYPE::A,
            "AAAA" => TYPE::AAAA,
            "CNAME" => TYPE::CNAME,
            "MX" => TYPE::MX,
            "NS" => TYPE::NS,
            "SRV" => TYPE::SRV,
            "TXT" => TYPE::TXT,
            _ => return Err(refused(format!("`{word}` is nothing that is looked up"))),
        };
        let how = match settings.text("expect")?.as_deref() {
            Some("any") => Match::Any,
            Some("only") => Match::Only,
            Some(_) | None => Match::All,
        };
        let expected = settings.texts("expectAnswers")?.into_iter().map(|text| plain(kind, &text)).collect();
        let timeout = settings.duration("timeout").unwrap_or(Duration::from_secs(5));
        Ok(Question { name, kind, word, expected, how, server: settings.text("server")?, timeout })
    }

    async fn ask(&self, hidden: &Hidden) -> Result<Look, Fault> {
        let servers = match resolver::servers(self.server.as_deref()).await? {
            Ok(servers) => servers,
            Err(why) => return Ok(Look::NotYet(why)),
        };
        let (id, query) = self.query(hidden)?;
        let mut last = String::new();
        // As long as there is another, who does not answer has a part of the time.
        let turns = u32::try_from(servers.len()).unwrap_or(1).max(1);
        for server in servers {
            let turn = self.timeout / turns;
            match resolver::exchange(server, id, &query, turn).await {
                Ok(answer) => return Ok(self.judge(server, &answer, hidden)),
                Err(why) => last = format!("{server} {}", why.unwrap_or(format!("did not answer in {}", shown(turn)))),
            }
        }
        Ok(Look::NotYet(format!("`{}` cannot be looked up: {last}", self.name)))
    }

    fn query(&self, hidden: &Hidden) -> Result<(u16, Vec<u8>), Fault> {
        let unwritable = |_| refused(format!("`{}` is no name that can be looked up", hidden.cut(&self.name, TOLD)));
        let name = Name::new(self.name.trim_end_matches('.')).map_err(unwritable)?;
        let id = fastrand::u16(..);
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let class = simple_dns::QCLASS::CLASS(simple_dns::CLASS::IN);
        packet.questions.push(simple_dns::Question::new(name, QTYPE::TYPE(self.kind), class, false));
        Ok((id, packet.build_bytes_vec().map_err(unwritable)?))
    }

    fn judge(&self, server: SocketAddr, answer: &[u8], hidden: &Hidden) -> Look {
        let (name, word) = (&self.name, &self.word);
        let Ok(packet) = Packet::parse(answer) else {
            return Look::NotYet(format!("{server} answered with what cannot be read"));
        };
        match packet.rcode() {
            RCODE::NoError => {}
            RCODE::NameError => return Look::NotYet(format!("there is no name `{name}`")),
            RCODE::ServerFailure => return Look::NotYet(format!("{server} could not find `{name}` out")),
            RCODE::Refused => return Look::NotYet(format!("{server} tells nothing of `{name}`")),
            code => return Look::NotYet(format!("{server} answered with the error {code:?}")),
        }
        let came: BTreeSet<String> = packet.answers.iter().filter_map(|record| self.answer(&record.rdata)).collect();
        if came.is_empty() {
            return Look::NotYet(format!("`{name}` has no {word}"));
        }
        let fits = match self.how {
            Match::All => self.expected.is_subset(&came),
            Match::Any => self.expected.is_empty() || !self.expected.is_disjoint(&came),
            Match::Only => self.expected == came,
        };
        if fits {
            return Look::Live;
        }
        let listed = |texts: &mut dyn Iterator<Item = &String>, and| listed(texts, and, hidden);
        let wanted = match self.how {
            Match::All => listed(&mut self.expected.difference(&came), " and "),
            Match::Any => listed(&mut self.expected.iter(), " or "),
            Match::Only => format!("only {}", listed(&mut self.expected.iter(), " and ")),
        };
        Look::NotYet(format!("`{name}` has the {word} {}, and not {wanted}", listed(&mut came.iter(), " and ")))
    }

    /// An answer as it is compared; nothing of what was not asked, such as the names on the way to it.
    fn answer(&self, data: &RData<'_>) -> Option<String> {
        let text = match data {
            RData::A(a) => std::net::Ipv4Addr::from(a.address).to_string(),
            RData::AAAA(aaaa) => std::net::Ipv6Addr::from(aaaa.address).to_string(),
            RData::CNAME(name) => name.0.to_string(),
            RData::NS(name) => name.0.to_string(),
            RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange),
            RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, srv.target),
            RData::TXT(txt) => String::try_from(txt.clone()).ok()?,
            _ => return None,
        };
        (data.type_code() == self.kind).then(|| plain(self.kind, &text))
    }
}

/// In the one way of several in which an answer can be written.
fn plain(kind: TYPE, text: &str) -> String {
    let name = || text.trim_end_matches('.').to_ascii_lowercase();
    match kind {
        TYPE::TXT => text.to_string(),
        TYPE::AAAA => text.parse::<std::net::Ipv6Addr>().map_or_else(|_| name(), |address| address.to_string()),
        _ => name().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn listed(texts: &mut dyn Iterator<Item = &String>, and: &str, hidden: &Hidden) -> String {
    let texts: Vec<String> = texts.map(|text| format!("`{text}`")).collect();
    hidden.cut(&texts.join(and), TOLD)
}

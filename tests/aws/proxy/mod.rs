//! Stands between us and the emulator: counts calls, has the mishaps that a test asks for or the weather that
//! follows from a seed, and says how long states last that things pass through.

mod call;
mod http;
mod weather;

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::moto::Moto;
use call::Call;
use http::{Answer, Request};
pub use weather::Mishap;
use weather::Weather;

#[derive(Default)]
struct Memory {
    /// Every call, as method, path and body.
    calls: Vec<String>,
    /// For the next call that contains this text.
    mishaps: Vec<(String, Mishap)>,
    /// Whether the answer of the next call that changes something is lost.
    loses_change: bool,
    weather: Option<Weather>,
    /// To how many calls something happened.
    wrong: usize,
    /// How long states last that things pass through.
    slowness: Duration,
}

impl Memory {
    /// What happens to a call. It is counted.
    fn meets(&mut self, call: &Call) -> Option<Mishap> {
        if !call.is_ours {
            return None;
        }
        self.calls.push(call.text.clone());
        let mishap = self.mishap(call);
        self.wrong += usize::from(mishap.is_some());
        mishap
    }

    fn mishap(&mut self, call: &Call) -> Option<Mishap> {
        if let Some(at) = self.mishaps.iter().position(|(text, _)| call.text.contains(text)) {
            return Some(self.mishaps.remove(at).1);
        }
        if self.loses_change && call.changes {
            self.loses_change = false;
            return Some(Mishap::LostAnswer);
        }
        self.weather.as_mut().and_then(Weather::next)
    }
}

pub struct Proxy {
    pub endpoint: String,
    memory: Arc<Mutex<Memory>>,
}

fn locked(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    pub fn before(moto: &Moto) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let memory = Arc::new(Mutex::<Memory>::default());
        let (host, inner) = (moto.host.clone(), memory.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (host, inner) = (host.clone(), inner.clone());
                thread::spawn(move || serve(client, &host, &inner));
            }
        });
        Proxy { endpoint, memory }
    }

    /// Lets this happen to the next call that contains the text.
    pub fn next(&self, call: &str, mishap: Mishap) {
        locked(&self.memory).mishaps.push((call.to_string(), mishap));
    }

    /// Loses the answer of the next call that changes something.
    pub fn lose_next_change(&self) {
        locked(&self.memory).loses_change = true;
    }

    /// Whether the answer that should be lost was. If not, none will be.
    pub fn has_lost(&self) -> bool {
        !std::mem::take(&mut locked(&self.memory).loses_change)
    }

    /// From now on something happens to so many calls of a hundred; which ones follows from the seed and their
    /// order.
    pub fn weather(&self, seed: u64, percent: u8) {
        locked(&self.memory).weather = (percent > 0).then(|| Weather::new(seed, percent));
    }

    /// From now on what is made, changed or deleted is on its way for so long: `pending`, `modifying`, `deleting`.
    pub fn slow(&self, time: Duration) {
        locked(&self.memory).slowness = time;
    }

    /// To how many calls something happened so far.
    pub fn mishaps(&self) -> usize {
        locked(&self.memory).wrong
    }

    /// Every call so far, as method, path and body.
    pub fn log(&self) -> Vec<String> {
        locked(&self.memory).calls.clone()
    }

    /// How many calls contained the text.
    pub fn count(&self, call: &str) -> usize {
        locked(&self.memory).calls.iter().filter(|line| line.contains(call)).count()
    }
}

/// All requests of one connection, one after the other.
fn serve(client: TcpStream, host: &str, memory: &Mutex<Memory>) {
    // Answers are small and waited for.
    let _ = client.set_nodelay(true);
    let mut client = BufReader::new(client);
    while let Some(request) = Request::read(&mut client) {
        let Some(answer) = answer(&request, host, memory) else { break };
        if !answer.write(client.get_mut(), request.method == "HEAD") {
            break;
        }
    }
}

/// Nothing when the connection is to end without one.
fn answer(request: &Request, host: &str, memory: &Mutex<Memory>) -> Option<Answer> {
    let call = Call::of(request);
    let (mishap, slowness) = {
        let mut memory = locked(memory);
        (memory.meets(&call), memory.slowness.as_secs_f64().to_string())
    };
    let refused = |(status, code): (u16, &str)| Some(call.refusal(status, code));
    let carried_out = || request.send(host, &[("X-Tadpole-Slowness", &slowness)]).ok();
    match mishap {
        None => carried_out(),
        Some(Mishap::Refusal(status, code)) => refused((status, code)),
        Some(Mishap::Throttled) => refused(call.service.throttled()),
        Some(Mishap::Broken) => refused(call.service.broken()),
        Some(Mishap::Reset) => None,
        Some(Mishap::LostAnswer) => {
            carried_out();
            None
        }
        Some(Mishap::BrokenAfterwards) => {
            carried_out();
            refused(call.service.broken())
        }
        Some(Mishap::Slow(time)) => {
            thread::sleep(time);
            carried_out()
        }
    }
}

//! `tadpole state unlock`: takes the environment away from whoever has it. Hardly ever needed: a lease
//! ends with its process, and that of one that hangs runs out.

use crate::cli::Exit;
use crate::cli::context::Place;
use crate::cli::session::say_store;
use crate::cli::state::{agreed, name_of};
use crate::cli::streams::{say, tell_line};
use crate::cli::turn;
use crate::cli::ui::Look;
use crate::state::lease::to_seconds;
use crate::state::store::{self, Contender};

#[derive(clap::Args)]
pub struct Unlock {
    #[command(flatten)]
    place: Place,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Unlock {
    pub fn run(self, look: Look) -> Result<Exit, Exit> {
        if !self.place.is_sound(look) || !self.place.record().exists() && self.place.is_nowhere(look) {
            return Err(Exit::Wrong);
        }
        let (directory, name) = (self.place.record(), name_of(&self.place));
        let holder = turn::holder(look)?;
        let lease = store::holder(&directory, &holder.host).map_err(|fault| say_store(&fault, look))?;
        let Some(lease) = lease else {
            tell_line(&format!("Nobody has {name}: there is nothing to unlock."));
            return Ok(Exit::Done);
        };
        tell_line(&format!("{name} is being changed by {lease}."));
        tell_line(&format!("Its lease ends at {}, unless it is renewed.", to_seconds(lease.until)));
        tell_line("If it is still at work, it stops at its next call, with what is on its way left to be found out.");
        agreed("Take it away?", self.yes, look)?;
        let evicted = Contender::new(&directory, &holder).evict(&lease).map_err(|fault| say_store(&fault, look))?;
        if !evicted {
            say("it has ended meanwhile, and another may have the environment", Some("look again"), look);
            return Err(Exit::Locked);
        }
        tell_line("Unlocked.");
        Ok(Exit::Done)
    }
}

//! The log under `kill -9`, round after round, as `cargo xtask torture` runs it: `torture ROUNDS ENTRIES SEED`.

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use harness::torture::{Outcome, Plan, run};

/// Longest time from a start of the process to the first receipt.
const SLOWEST_START: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = || -> Result<u64> {
        let word = arguments.next().context("usage: torture ROUNDS ENTRIES SEED")?;
        word.parse().with_context(|| format!("{word} is no number"))
    };
    let plan = Plan {
        rounds: usize::try_from(number()?)?,
        entries: number()?,
        seed: number()?,
    };
    let mut said = Ok(());
    let Outcome {
        entries,
        acknowledged,
        unanswered,
        checkpoints,
        slowest_start,
    } = run(plan, &mut |line| said = writeln!(io::stdout(), "   {line}"));
    said?;
    writeln!(
        io::stdout(),
        "   {entries} entries, {acknowledged} of them acknowledged and {unanswered} whose publisher got no answer; {checkpoints} \
         checkpoints seen; nothing lost, nothing moved, no way back and no fork; slowest start to first receipt {} ms",
        slowest_start.as_millis()
    )?;
    #[cfg(target_os = "linux")]
    {
        let mut said = Ok(());
        let injected = harness::torture::faults(&mut |line| said = writeln!(io::stdout(), "   {line}"));
        said?;
        writeln!(
            io::stdout(),
            "   {injected} faults in the middle of a publish: nothing lost"
        )?;
    }
    ensure!(
        slowest_start <= SLOWEST_START,
        "a start took longer than {} s to its first receipt",
        SLOWEST_START.as_secs()
    );
    Ok(())
}

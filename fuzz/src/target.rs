//! One target of the fuzzer, and its replay without one.

use std::{fs, path::Path};

/// What must hold for any bytes.
pub(crate) struct Target {
    /// Name of its program and of its folder in `fuzz/corpus`.
    pub(crate) name: &'static str,
    /// What an honest writer makes.
    pub(crate) samples: fn() -> Vec<Vec<u8>>,
    /// Panics when something does not hold.
    pub(crate) run: fn(&[u8]),
}

impl Target {
    /// A target with a body of its own.
    pub(crate) const fn new(name: &'static str, samples: fn() -> Vec<Vec<u8>>, run: fn(&[u8])) -> Self {
        Self { name, samples, run }
    }

    /// Runs the samples, the committed corpus and the committed regressions in the folder `fuzz`.
    ///
    /// # Panics
    /// When something does not hold, or when there is no corpus.
    pub(crate) fn replay(&self, fuzz: &Path) {
        let samples = (self.samples)();
        assert!(!samples.is_empty(), "{} has no sample", self.name);
        for sample in &samples {
            (self.run)(sample);
        }
        let corpus = fuzz.join("corpus").join(self.name);
        assert!(
            self.replay_folder(&corpus) > 0,
            "{} is missing or empty",
            corpus.display()
        );
        self.replay_folder(&fuzz.join("regressions").join(self.name));
    }

    fn replay_folder(&self, folder: &Path) -> usize {
        let files = fs::read_dir(folder).into_iter().flatten();
        files
            .map(|entry| fs::read(entry.expect("a readable folder").path()).expect("a readable file"))
            .inspect(|bytes| (self.run)(bytes))
            .count()
    }
}

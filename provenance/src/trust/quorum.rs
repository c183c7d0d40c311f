//! Witnesses, groups and the quorum of a trust file (c2sp.org/tlog-policy).

use crate::{
    entry::decimal,
    note::{NoteAlgorithm, VerifierKey},
};

/// Most witnesses and groups together; the specification asks for at least 32 of each.
const MAX_NAMES: usize = 256;

/// Something that can confirm a view: a witness, or enough members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    name: String,
    what: What,
    /// A witness or group is a member of at most one group.
    taken: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Witness(VerifierKey),
    Group { threshold: usize, members: Vec<usize> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Chosen {
    #[default]
    Nothing,
    None,
    Node(usize),
}

/// Which witnesses must have signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Quorum {
    nodes: Vec<Node>,
    chosen: Chosen,
}

impl Quorum {
    pub(super) fn witnesses(&self) -> impl Iterator<Item = (&str, &VerifierKey)> {
        self.nodes.iter().filter_map(|node| match &node.what {
            What::Witness(key) => Some((node.name.as_str(), key)),
            What::Group { .. } => None,
        })
    }

    pub(super) fn is_chosen(&self) -> bool {
        self.chosen != Chosen::Nothing
    }

    /// Whether the file asks for no witness at all.
    pub(super) fn is_none(&self) -> bool {
        self.chosen == Chosen::None
    }

    pub(super) fn describe(&self) -> String {
        match self.chosen {
            Chosen::Node(at) => self.nodes[at].name.clone(),
            Chosen::None | Chosen::Nothing => "none".into(),
        }
    }

    /// What the quorum asks for, with the members of its group: `g (2 of w1, w2, w3)`.
    pub(super) fn explain(&self) -> String {
        let Chosen::Node(at) = self.chosen else {
            return self.describe();
        };
        let node = &self.nodes[at];
        let What::Group { threshold, members } = &node.what else {
            return node.name.clone();
        };
        let names: Vec<_> = members
            .iter()
            .map(|&member| self.nodes[member].name.as_str())
            .collect();
        format!("{} ({threshold} of {})", node.name, names.join(", "))
    }

    /// Whether `signed` (names of witnesses) confirm a view. `quorum none` is always met.
    pub(super) fn is_met(&self, signed: &[&str]) -> bool {
        match self.chosen {
            Chosen::Node(at) => self.confirms(at, signed),
            Chosen::None => true,
            Chosen::Nothing => false,
        }
    }

    fn confirms(&self, at: usize, signed: &[&str]) -> bool {
        match &self.nodes[at].what {
            What::Witness(_) => signed.contains(&self.nodes[at].name.as_str()),
            What::Group { threshold, members } => {
                members
                    .iter()
                    .filter(|&&member| self.confirms(member, signed))
                    .count()
                    >= *threshold
            }
        }
    }

    pub(super) fn add_witness(&mut self, name: &str, key: VerifierKey) -> Result<(), String> {
        if key.algorithm() != NoteAlgorithm::CosignatureV1 {
            return Err(format!(
                "the key of witness {name} must be a cosignature/v1 key, type 0x04"
            ));
        }
        self.add(name, What::Witness(key))
    }

    pub(super) fn add_group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        let mut positions = Vec::with_capacity(members.len());
        for member in members {
            let at = self
                .find(member)
                .ok_or_else(|| format!("{member:?} is not a witness or group named above"))?;
            if std::mem::replace(&mut self.nodes[at].taken, true) {
                return Err(format!("{member:?} is in a group already; it can be in one only"));
            }
            positions.push(at);
        }
        let threshold = match threshold {
            "any" => Some(1),
            "all" => Some(members.len()),
            number => decimal(number).and_then(|k| usize::try_from(k).ok()),
        };
        let fits = threshold.filter(|t| (1..=members.len()).contains(t));
        let threshold =
            fits.ok_or("a group reads 'group NAME any|all|K MEMBER…' with 1 to as many as it has members")?;
        self.add(
            name,
            What::Group {
                threshold,
                members: positions,
            },
        )
    }

    pub(super) fn choose(&mut self, name: &str) -> Result<(), String> {
        if self.is_chosen() {
            return Err("the quorum stands twice".into());
        }
        self.chosen = match name {
            "none" => Chosen::None,
            name => Chosen::Node(
                self.find(name)
                    .ok_or_else(|| format!("{name:?} is not a witness or group named above"))?,
            ),
        };
        Ok(())
    }

    fn add(&mut self, name: &str, what: What) -> Result<(), String> {
        if name == "none" || self.find(name).is_some() {
            return Err(format!("the name {name:?} is taken"));
        }
        if self.nodes.len() == MAX_NAMES {
            return Err(format!(
                "a trust file has at most {MAX_NAMES} witnesses and groups"
            ));
        }
        self.nodes.push(Node {
            name: name.to_owned(),
            what,
            taken: false,
        });
        Ok(())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }
}

//! Sorting by position. The standard sort is several kilobytes of machine code for each type it is used with, and the
//! page downloads them all; sorting positions needs it once.

use std::cmp::Ordering;

/// The positions `0..len`, ordered by `compare`; equal ones stay in order.
pub fn positions(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..len).collect();
    positions.sort_by(|a, b| compare(*a, *b));
    positions
}

/// Sorts `items` by `compare`; equal ones stay in order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let from = positions(items.len(), &|a, b| compare(&items[a], &items[b]));
    let mut to = vec![0; from.len()];
    for (new, old) in from.into_iter().enumerate() {
        to[old] = new;
    }
    for at in 0..to.len() {
        // Every swap brings one item to where it belongs.
        while to[at] != at {
            items.swap(at, to[at]);
            let target = to[at];
            to.swap(at, target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_and_equal_ones_stay() {
        let sizes = [5, 9, 5, 1];
        assert_eq!(positions(4, &|a, b| sizes[b].cmp(&sizes[a])), [1, 0, 2, 3]);
        assert!(positions(0, &|_, _| Ordering::Equal).is_empty());
    }

    #[test]
    fn sorts_like_the_standard_library() {
        for len in 0..60_usize {
            let mut items: Vec<(usize, usize)> = (0..len).map(|n| (n * 37 % 11, n)).collect();
            let mut wanted = items.clone();
            wanted.sort_by_key(|item| item.0);
            sort_by(&mut items, |a, b| a.0.cmp(&b.0));
            assert_eq!(items, wanted);
        }
    }
}

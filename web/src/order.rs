//! Sorting by position. A sort is a few kilobytes of machine code for each type it is used with; sorting positions
//! needs one for the whole page.

use std::cmp::Ordering;

/// The positions `0..len`, ordered by `compare`; equal ones stay in order.
pub(crate) fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..len).collect();
    positions.sort_by(|a, b| compare(*a, *b));
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_and_equal_ones_stay() {
        let sizes = [5, 9, 5, 1];
        assert_eq!(order(4, &|a, b| sizes[b].cmp(&sizes[a])), [1, 0, 2, 3]);
        assert!(order(0, &|_, _| Ordering::Equal).is_empty());
    }
}

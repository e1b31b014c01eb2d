//! What the writing thread spends on tasks, as rough estimates in microseconds. They decide what is written together: cheap requests never wait
//! for more than one part of an expensive one.

/// The most that one task may cost. What would cost more is written in several parts.
pub(in crate::store) const MAX_TASK: usize = 4_000;

/// A task that costs less is cheap.
pub(in crate::store) const MIN_EXPENSIVE: usize = MAX_TASK / 2;

/// An event in the log.
pub(in crate::store) const EVENT: usize = 4;

/// An event from which the state of its person is derived again.
pub(in crate::store) const STATE_EVENT: usize = 200;

/// A row that is deleted.
pub(in crate::store) const ROW: usize = 20;

/// A record of a back end.
pub(in crate::store) const RECORD: usize = 60;

/// An imported record, and how many of its bytes cost one more.
pub(in crate::store) const DOCUMENT: usize = 15;
pub(in crate::store) const DOCUMENT_BYTES: usize = 400;

/// How many bytes of other texts cost one.
pub(in crate::store) const BYTES: usize = 50;

/// Splits a list into parts that cost at most [`MAX_TASK`], or have one element.
pub(in crate::store) fn parts<T>(list: Vec<T>, cost: impl Fn(&T) -> usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = list.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut part = vec![rest.next()?];
        let mut sum = part.iter().map(&cost).sum::<usize>();
        while let Some(next) = rest.next_if(|next| sum + cost(next) <= MAX_TASK) {
            sum += cost(&next);
            part.push(next);
        }
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_order_and_cost_at_most_the_limit_unless_they_have_one_element() {
        let list = vec![MAX_TASK / 2, MAX_TASK / 2, 1, 2 * MAX_TASK, 1, 1];
        let split: Vec<_> = parts(list, |cost| *cost).collect();
        assert_eq!(split, [vec![MAX_TASK / 2, MAX_TASK / 2], vec![1], vec![2 * MAX_TASK], vec![1, 1]]);
        assert_eq!(parts(Vec::<usize>::new(), |cost| *cost).count(), 0);
    }
}

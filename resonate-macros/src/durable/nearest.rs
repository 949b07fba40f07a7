//! Spelling: the known word that a user most likely meant.

/// The word nearest to `wrong`, unless all are so far away that naming one would be a guess.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let (distance, word) = known
        .into_iter()
        .map(|word| (distance(wrong, word), word))
        .min_by_key(|(distance, _)| *distance)?;
    let half = word.chars().count().min(wrong.chars().count()).div_ceil(2);
    (distance <= half).then_some(word)
}

/// How many letters must be inserted, removed or replaced to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (other, above) in to.iter().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            let replaced = diagonal + usize::from(*other != letter);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["name", "service", "retry", "timeout"];

    #[test]
    fn distance_counts_insertions_removals_and_replacements() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("retries", "retry"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("größe", "grösse"), 2);
    }

    #[test]
    fn a_misspelled_word_finds_the_one_that_was_meant() {
        assert_eq!(nearest("retries", KNOWN), Some("retry"));
        assert_eq!(nearest("time_out", KNOWN), Some("timeout"));
        assert_eq!(nearest("services", KNOWN), Some("service"));
        assert_eq!(nearest("nmae", KNOWN), Some("name"));
    }

    #[test]
    fn a_word_that_is_like_none_finds_none() {
        assert_eq!(nearest("idempotent", KNOWN), None);
        assert_eq!(nearest("x", []), None);
    }
}

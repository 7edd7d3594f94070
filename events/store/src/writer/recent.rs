//! A bounded map that forgets what has not been used for longest.

use std::collections::HashMap;
use std::hash::Hash;

/// Holds at least the `capacity / 2` entries used last and never more than `capacity`: two
/// generations, of which the older one is dropped whole when the younger one is full. Every
/// operation is O(1).
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash + Clone, V: Copy> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation: (capacity / 2).max(1) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_half_stays_and_the_bound_holds() {
        let mut recent = Recent::new(8);
        for n in 0..100 {
            recent.insert(n, n);
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert!((96..100).all(|n| recent.get(&n) == Some(n)), "the last four are remembered");
        assert_eq!(recent.get(&10), None);
    }

    #[test]
    fn a_changed_value_hides_the_older_generation() {
        let mut recent = Recent::new(2);
        recent.insert("a", 1);
        recent.insert("b", 2);
        recent.insert("a", 3);
        assert_eq!(recent.get(&"a"), Some(3));
    }
}

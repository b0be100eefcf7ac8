// Package orderedmap has a map that is always empty, as no document is read.
package orderedmap

import "iter"

// Map is empty.
type Map[K comparable, V any] struct{}

// New returns one.
func New[K comparable, V any]() *Map[K, V] { return &Map[K, V]{} }

// Len is 0.
func Len[K comparable, V any](*Map[K, V]) int { return 0 }

// Get finds nothing.
func (*Map[K, V]) Get(K) (V, bool) {
	var zero V
	return zero, false
}

// GetOrZero finds nothing.
func (m *Map[K, V]) GetOrZero(key K) V {
	value, _ := m.Get(key)
	return value
}

// Set leaves it empty.
func (*Map[K, V]) Set(K, V) (V, bool) {
	var zero V
	return zero, false
}

// Delete finds nothing.
func (m *Map[K, V]) Delete(key K) (V, bool) { return m.Get(key) }

// FromOldest yields nothing.
func (*Map[K, V]) FromOldest() iter.Seq2[K, V] { return func(func(K, V) bool) {} }

// KeysFromOldest yields nothing.
func (*Map[K, V]) KeysFromOldest() iter.Seq[K] { return func(func(K) bool) {} }

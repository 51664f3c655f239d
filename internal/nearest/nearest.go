// Package nearest guesses what a misspelt word was meant to be.
package nearest

import "strings"

// Word is the candidate that a word was most likely meant to be; it is empty if none is near. Case, - and _ do not
// count, and the first of equally near ones wins.
func Word(word string, candidates []string) string {
	plain := plainWord(word)
	tolerated := min(max(1, len(plain)/3), len(plain)-1)
	best, bestDistance := "", tolerated+1
	for _, c := range candidates {
		if d := distance(plain, plainWord(c), bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

func plainWord(s string) []rune { return []rune(separators.Replace(strings.ToLower(s))) }

// distance counts the letters to insert, delete, replace or swap with their neighbour to turn one word into the other. It
// stops at limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		lowest := row[0]
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			lowest = min(lowest, row[j+1])
		}
		if lowest >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}

// Distance counts the letters to insert, delete, replace or swap with their neighbour to turn one word into the other.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	return distance(from, to, len(from)+len(to)+1)
}

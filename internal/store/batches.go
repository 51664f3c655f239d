package store

import "github.com/jackc/pgx/v5/pgtype"

// cutShort is what there is to say of the batches that a failed one ended.
const cutShort = `{"error": {"message": "another batch failed for good, and the failure strategy is fail_fast", "error_type": "cut_short", "retryable": false}, "metadata": {"error_type": "cut_short"}, "reason": "another batch failed for good"}`

// patterns are those of the outcomes that end batches.
func patterns(n int, at func(int) *Outcome) pgtype.FlatArray[pgtype.Int4] {
	all := make(pgtype.FlatArray[pgtype.Int4], n)
	for i := range all {
		all[i] = pgtype.Int4{Int32: at(i).Pattern, Valid: at(i).Pattern > 0}
	}
	return all
}

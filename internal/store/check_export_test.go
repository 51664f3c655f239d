package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// CheckBroken breaks the database by sql, checks it and takes everything back.
func (s *Store) CheckBroken(ctx context.Context, sql string) ([]Violation, error) {
	tx, err := s.query.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	return check(ctx, tx)
}

// GrowthRules lists the rules about tasks that grow.
func GrowthRules() []string {
	names := make([]string, len(growthInvariants))
	for i := range growthInvariants {
		names[i] = growthInvariants[i].check
	}
	return names
}

// CheckedRules lists the rules that [Store.Check] goes through.
func CheckedRules() []string {
	names := make([]string, len(invariants))
	for i := range invariants {
		names[i] = invariants[i].check
	}
	return names
}

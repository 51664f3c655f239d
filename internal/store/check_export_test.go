package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// CheckBroken breaks the database by sql, asks one rule of the check about it, and takes everything back.
func (s *Store) CheckBroken(ctx context.Context, rule, sql string) ([]Violation, error) {
	tx, err := s.query.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	all := slices.Concat(invariants, growthInvariants)
	return check(ctx, tx, slices.DeleteFunc(all, func(i invariant) bool { return i.check != rule }))
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

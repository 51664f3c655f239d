package testdb

import "testing"

// BenchmarkNew is what each test with a database pays: create and drop.
func BenchmarkNew(b *testing.B) {
	server, err := sharedServer()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		name, err := server.create(b.Context(), storeSchema)
		if err != nil {
			b.Fatal(err)
		}
		if err := server.drop(b.Context(), name); err != nil {
			b.Fatal(err)
		}
	}
}

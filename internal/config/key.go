package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// key is one setting, read from the tags of one field of [Config].
type key struct {
	name     string // dotted TOML path
	leaf     string // its last part
	field    []int  // index path for [reflect.Value.FieldByIndex]
	env      []string
	def      string
	doc      string
	oneOf    []string
	min, max float64       // bounds of a number, in the key's own unit
	unit     time.Duration // what 1 means, for durations
	secret   bool
}

// section is a TOML table: a field of [Config] that holds further keys.
type section struct {
	name string
	doc  string
	keys []*key // those directly in it
}

// table is everything the tags of [Config] say.
type table struct {
	sections []*section // in the order of the struct, the root first
	keys     map[string]*key
	names    []string // of all keys, in the order of the struct
}

var registry = readTags()

func readTags() *table {
	t := &table{keys: map[string]*key{}}
	t.add(reflect.TypeFor[Config](), &section{}, nil)
	return t
}

func (t *table) add(typ reflect.Type, s *section, index []int) {
	t.sections = append(t.sections, s)
	for f := range fields(typ) {
		at := append(index[:len(index):len(index)], f.Index...)
		name := strings.TrimPrefix(s.name+"."+f.Tag.Get("toml"), ".")
		if f.Type.Kind() == reflect.Struct {
			t.add(f.Type, &section{name: name, doc: f.Tag.Get("doc")}, at)
			continue
		}
		k := newKey(name, f, at)
		s.keys = append(s.keys, k)
		t.keys[name] = k
		t.names = append(t.names, name)
	}
}

func fields(typ reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if !yield(typ.Field(i)) {
				return
			}
		}
	}
}

func newKey(name string, f reflect.StructField, index []int) *key {
	k := &key{
		name:   name,
		leaf:   f.Tag.Get("toml"),
		field:  index,
		env:    splitList(f.Tag.Get("env")),
		def:    f.Tag.Get("default"),
		doc:    f.Tag.Get("doc"),
		oneOf:  splitList(f.Tag.Get("oneof")),
		min:    bound(f, "min", 0),
		max:    bound(f, "max", math.Inf(1)),
		secret: f.Type == reflect.TypeFor[Secret](),
	}
	if f.Type == reflect.TypeFor[time.Duration]() {
		k.unit = units[name[strings.LastIndexByte(name, '_')+1:]]
	}
	return k
}

// units are what the last word of a duration's name makes of its number.
var units = map[string]time.Duration{
	"ms": time.Millisecond, "seconds": time.Second, "minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour,
}

func bound(f reflect.StructField, tag string, fallback float64) float64 {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return fallback
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("config: field %s: tag %s: %v", f.Name, tag, err))
	}
	return v
}

// variable is the environment variable that every key has: TASKER__WORKER__LEASE_MS for worker.lease_ms.
func (k *key) variable() string {
	return genericPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "__"))
}

// in returns the key's field in c, as a pointer.
func (k *key) in(c *Config) any {
	return reflect.ValueOf(c).Elem().FieldByIndex(k.field).Addr().Interface()
}

// hasSection reports whether name is a TOML table.
func (t *table) hasSection(name string) bool {
	for _, s := range t.sections {
		if s.name == name {
			return true
		}
	}
	return false
}

// Default returns the configuration of a process that is told nothing.
func Default() *Config {
	c := &Config{}
	for _, name := range registry.names {
		k := registry.keys[name]
		if err := k.setText(c, k.def); k.def != "" && err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", name, err))
		}
	}
	return c
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand"
	"reflect"
	"strings"
	"time"
)

// Random values of any of the structs, made by reflection.
type source struct {
	random *rand.Rand
}

func newSource(seed int64) source { return source{rand.New(rand.NewSource(seed))} }

var pieces = []string{
	"a", "web", " ", "\n", "\t", "\r", "\"", "\\", "/", "<", ">", "&", "'", "\x00", "\x01", "\x1f", "\x7f",
	"\b", "\f", "\v", "é", "\u0085", "\u2028", "\u2029", "\ufeff", "\ufffd", "😀", "\xff", "\xc3", "\xed\xa0\x80",
	"null", "\\u0041", "{", "}", "[", "]", ":", ",",
}

func (s source) flip() bool { return s.random.Intn(2) == 0 }

func (s source) text() string {
	out := ""
	for n := s.random.Intn(5); n > 0; n-- {
		out += pieces[s.random.Intn(len(pieces))]
	}
	return out
}

func (s source) bits() uint64 {
	switch s.random.Intn(5) {
	case 0:
		return 0
	case 1:
		return math.MaxUint64
	case 2:
		return math.MaxUint64 >> s.random.Intn(64)
	case 3:
		return 1 << s.random.Intn(64)
	}
	return s.random.Uint64()
}

func (s source) time() time.Time {
	if s.flip() {
		return time.Time{}
	}
	nanoseconds := int64(0)
	if s.flip() {
		nanoseconds = s.random.Int63n(1e9)
	}
	if s.flip() {
		nanoseconds = s.random.Int63n(1e3) * 1e6
	}
	// The years 1 to 9998, so that no zone leads out of what RFC 3339 can write.
	at := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).Unix() + s.random.Int63n(9997*365*86400)
	out := time.Unix(at, nanoseconds).UTC()
	if s.random.Intn(4) == 0 {
		out = out.In(time.FixedZone("", (s.random.Intn(2879)-1439)*60))
	}
	return out
}

func (s source) fill(pointer any) { s.set(reflect.ValueOf(pointer).Elem()) }

func (s source) set(value reflect.Value) {
	switch value.Kind() {
	case reflect.Bool:
		value.SetBool(s.flip())
	case reflect.String:
		value.SetString(s.text())
	case reflect.Int, reflect.Int64:
		if value.Type() != reflect.TypeOf(0) && value.Kind() == reflect.Int {
			// A state: sometimes one out of range, written as Unknown.
			value.SetInt(int64(s.random.Intn(9) - 1))
			return
		}
		value.SetInt(int64(s.bits()))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		bits := s.bits()
		if value.OverflowUint(bits) {
			bits &= math.MaxUint64 >> (64 - value.Type().Bits())
		}
		value.SetUint(bits)
	case reflect.Pointer:
		if s.flip() {
			value.Set(reflect.New(value.Type().Elem()))
			s.set(value.Elem())
		}
	case reflect.Slice:
		if s.random.Intn(3) == 0 {
			return
		}
		count := s.random.Intn(4)
		value.Set(reflect.MakeSlice(value.Type(), count, count))
		for i := 0; i < count; i++ {
			s.set(value.Index(i))
		}
	case reflect.Map:
		if s.random.Intn(3) == 0 {
			return
		}
		value.Set(reflect.MakeMap(value.Type()))
		for n := s.random.Intn(4); n > 0; n-- {
			item := reflect.New(value.Type().Elem()).Elem()
			s.set(item)
			// Two keys that differ in broken bytes only would be one key in the text.
			value.SetMapIndex(reflect.ValueOf(strings.ToValidUTF8(s.text(), "?")), item)
		}
	case reflect.Struct:
		if value.Type() == reflect.TypeOf(time.Time{}) {
			value.Set(reflect.ValueOf(s.time()))
			return
		}
		for i := 0; i < value.NumField(); i++ {
			s.set(value.Field(i))
		}
	default:
		panic("no way to fill a " + value.Type().String())
	}
}

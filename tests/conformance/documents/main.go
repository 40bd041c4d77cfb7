// SPDX-License-Identifier: Apache-2.0

// Reads and writes documents with Go's own encoding/json, for comparison with ours.
//
//	documents filter                  each line "<Kind> <json>" of stdin: the JSON that Go makes of
//	                                  it, or "!" and why Go refuses it
//	documents generate <seed> <count> so many random documents, "<Kind> <json>" a line
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

var kinds = []string{"Realm", "Space", "Stack", "Cell", "Container"}

func newDocument(kind string) (any, error) {
	switch kind {
	case "Realm":
		return new(RealmDoc), nil
	case "Space":
		return new(SpaceDoc), nil
	case "Stack":
		return new(StackDoc), nil
	case "Cell":
		return new(CellDoc), nil
	case "Container":
		return new(ContainerDoc), nil
	}
	return nil, fmt.Errorf("no kind %q", kind)
}

// encode gives the bytes of the reference, which is built with a later Go: since 1.22 backspace and
// form feed have short escapes (wire.md §12).
func encode(document any) ([]byte, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			out.WriteByte(text[i])
		case bytes.HasPrefix(text[i:], []byte(`\u0008`)):
			out.WriteString(`\b`)
			i += 5
		case bytes.HasPrefix(text[i:], []byte(`\u000c`)):
			out.WriteString(`\f`)
			i += 5
		default:
			out.Write(text[i : i+2])
			i++
		}
	}
	return out.Bytes(), nil
}

func recode(kind string, text []byte) ([]byte, error) {
	document, err := newDocument(kind)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, document); err != nil {
		return nil, err
	}
	return encode(document)
}

func filter(in io.Reader, out *bufio.Writer) error {
	reader := bufio.NewReader(in)
	for {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		kind, text, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		answer, err := recode(string(kind), text)
		if err != nil {
			answer = []byte("!" + strings.ReplaceAll(err.Error(), "\n", " "))
		}
		out.Write(append(answer, '\n'))
	}
}

func generate(seed int64, count int, out *bufio.Writer) error {
	source := newSource(seed)
	for i := 0; i < count; i++ {
		kind := kinds[i%len(kinds)]
		document, err := newDocument(kind)
		if err != nil {
			return err
		}
		source.fill(document)
		text, err := encode(document)
		if err != nil {
			return err
		}
		// Broken bytes are written as escapes, what they were read as is not: a second round settles it.
		if text, err = recode(kind, text); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s\n", kind, text)
	}
	return nil
}

func run(arguments []string) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(arguments) == 1 && arguments[0] == "filter" {
		return filter(os.Stdin, out)
	}
	if len(arguments) == 3 && arguments[0] == "generate" {
		seed, err := strconv.ParseInt(arguments[1], 10, 64)
		if err != nil {
			return err
		}
		count, err := strconv.Atoi(arguments[2])
		if err != nil {
			return err
		}
		return generate(seed, count, out)
	}
	return fmt.Errorf("usage: documents filter | documents generate <seed> <count>")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(1)
	}
}

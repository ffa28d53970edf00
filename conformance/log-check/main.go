// Checks a published log with the packages of the Go checksum database, which share nothing with ours: the signature of its checkpoint
// (golang.org/x/mod/sumdb/note), every tile, that each entry is in the tree and that the tree goes on from an older checkpoint
// (golang.org/x/mod/sumdb/tlog).
//
//	log-check URL KEY [OLD-CHECKPOINT]
//
// Prints the checkpoint on stderr, and the entries as JSON lines on stdout.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// The paths of C2SP tlog-tiles leave out the height, which is always 8.
func pathOf(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

type tiles struct{ base string }

func (t tiles) Height() int                            { return height }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := get(t.base + "/" + pathOf(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func open(signed []byte, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		log.Fatalf("no checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

func main() {
	log.SetFlags(0)
	base, key := os.Args[1], os.Args[2]
	signed, err := get(base + "/checkpoint")
	check(err)
	tree := open(signed, key)
	reader := tlog.TileHashReader(tree, tiles{base})

	if len(os.Args) > 3 {
		text, err := os.ReadFile(os.Args[3])
		check(err)
		old := open(text, key)
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}

	for first := int64(0); first < tree.N; first += 1 << height {
		width := 1 << height
		if left := tree.N - first; left < int64(width) {
			width = int(left)
		}
		// Level -1 of theirs is where tlog-tiles has its bundles.
		path := strings.Replace(pathOf(tlog.Tile{H: height, L: 0, N: first >> height, W: width}), "tile/0/", "tile/entries/", 1)
		bundle, err := get(base + "/" + path)
		check(err)
		for i := int64(0); i < int64(width); i++ {
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			proof, err := tlog.ProveRecord(tree.N, first+i, reader)
			check(err)
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, first+i, tlog.RecordHash(entry)))
			fmt.Println(string(entry))
		}
		if len(bundle) != 0 {
			log.Fatalf("%s is longer than it may be", path)
		}
	}
	fmt.Fprint(os.Stderr, string(signed))
}

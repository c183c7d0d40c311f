// Reads a log with the packages behind Go's checksum database, golang.org/x/mod/sumdb/note and tlog: the signature of its
// checkpoint, every tile and entry, a record proof for every entry (or for a thousand of them), and tree proofs from smaller
// trees. It shares no code with the log. Usage: sumdb URL VERIFIER-KEY. Prints what it checked; ends with 1 and the reason
// otherwise.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Entries in a full bundle, hashes in a full tile.
const width = 256

// Most record proofs that are made.
const proofs = 1000

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, key string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	signed, err := get(url + "/checkpoint")
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	tree, err := parse(opened.Text, verifier.Name())
	if err != nil {
		return err
	}
	if tree.N == 0 {
		fmt.Println("an empty tree")
		return nil
	}
	reader := tlog.TileHashReader(tree, &tiles{url: url, seen: map[string][]byte{}})
	if err := entries(url, tree, reader); err != nil {
		return err
	}
	step := tree.N/proofs + 1
	for n := int64(0); n < tree.N; n += step {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, hashes[0]); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
	}
	for old := int64(1); old <= tree.N; old *= 2 {
		root, err := tlog.TreeHash(old, reader)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
			return fmt.Errorf("tree of %d: %w", old, err)
		}
	}
	fmt.Printf("%d entries, record proofs and tree proofs\n", tree.N)
	return nil
}

// Every entry hashes to its place in the tree.
func entries(url string, tree tlog.Tree, reader tlog.HashReader) error {
	for bundle := int64(0); bundle*width < tree.N; bundle++ {
		count := tree.N - bundle*width
		if count > width {
			count = width
		}
		data, err := get(fmt.Sprintf("%s/tile/entries/%s", url, place(bundle, count)))
		if err != nil {
			return err
		}
		var indexes []int64
		var wanted []tlog.Hash
		for n := int64(0); n < count; n++ {
			if len(data) < 2 {
				return fmt.Errorf("bundle %d ends early", bundle)
			}
			length := int(binary.BigEndian.Uint16(data))
			data = data[2:]
			if len(data) < length {
				return fmt.Errorf("bundle %d ends early", bundle)
			}
			wanted = append(wanted, tlog.RecordHash(data[:length]))
			indexes = append(indexes, tlog.StoredHashIndex(0, bundle*width+n))
			data = data[length:]
		}
		if len(data) > 0 {
			return fmt.Errorf("bundle %d has %d bytes too many", bundle, len(data))
		}
		found, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for n := range wanted {
			if wanted[n] != found[n] {
				return fmt.Errorf("entry %d is not the one in the tree", bundle*width+int64(n))
			}
		}
	}
	return nil
}

// A checkpoint: origin, size and root.
func parse(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not one of %s", origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("the checkpoint has no root")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// Where a tile or bundle lies: groups of three digits, all but the last after an x, and the width of a partial one.
func place(n, count int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if count < width {
		path += fmt.Sprintf(".p/%d", count)
	}
	return path
}

// Tiles over HTTP, under the paths of c2sp.org/tlog-tiles.
type tiles struct {
	url  string
	seen map[string][]byte
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		url := fmt.Sprintf("%s/tile/%d/%s", t.url, tile.L, place(tile.N, int64(tile.W)))
		data, there := t.seen[url]
		if !there {
			var err error
			if data, err = get(url); err != nil {
				return nil, err
			}
			t.seen[url] = data
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", url, len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

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

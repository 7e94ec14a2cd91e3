package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles are 8 levels high (c2sp.org/tlog-tiles), so that a full one has 256 hashes.
const height = 8

// entries is the level that tiles of entries have here.
const entries = -1

// verifyLog computes the whole tree again from the entries alone, and compares: each tile, the signed root,
// and each older checkpoint.
func verifyLog(folder string, key note.Verifier, older []string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return "", err
	}
	head, err := openHead(text, key)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	tiles := tlog.NewTiles(height, 0, head.size)
	tree, err := treeOf(folder, tiles, head.size)
	if err != nil {
		return "", err
	}
	for _, tile := range tiles {
		want, err := tlog.ReadTileData(tile, tree)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path(tile), err)
		}
		got, err := os.ReadFile(filepath.Join(folder, path(tile)))
		if err != nil {
			return "", err
		}
		if !bytes.Equal(got, want) {
			return "", fmt.Errorf("%s: its hashes are not those of the entries", path(tile))
		}
	}
	root, err := rootOf(head.size, tree)
	if err != nil {
		return "", err
	}
	if root != head.root {
		return "", fmt.Errorf("the root of the entries is %v, %v was signed", root, head.root)
	}
	for _, file := range older {
		if err := startsWith(file, key, head, tree); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
	}
	return fmt.Sprintf("%d entries, %d tiles, %d older checkpoints", head.size, len(tiles), len(older)), nil
}

// path is where a tile is published: as in Go's checksum database, but without the height, and with another
// name for tiles of entries.
func path(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if tile.L == entries {
		path = "entries/" + strings.TrimPrefix(path, "data/")
	}
	return "tile/" + path
}

// treeOf hashes all the entries: each tile of leaf hashes has a bundle of the same number and width.
func treeOf(folder string, tiles []tlog.Tile, size int64) (tlog.HashReader, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, fmt.Errorf("hash %d is not in the tree", index)
			}
			hashes[at] = stored[index]
		}
		return hashes, nil
	})
	next := int64(0)
	for _, tile := range tiles {
		if tile.L != 0 {
			continue
		}
		tile.L = entries
		bundle, err := os.ReadFile(filepath.Join(folder, path(tile)))
		if err != nil {
			return nil, err
		}
		for count := 0; count < tile.W; count++ {
			var entry []byte
			if entry, bundle, err = nextEntry(bundle); err != nil {
				return nil, fmt.Errorf("%s: %w", path(tile), err)
			}
			hashes, err := tlog.StoredHashesForRecordHash(next, tlog.RecordHash(entry), reader)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
			next++
		}
		if len(bundle) > 0 {
			return nil, fmt.Errorf("%s: there are bytes after its %d entries", path(tile), tile.W)
		}
	}
	if next != size {
		return nil, fmt.Errorf("%d entries were found, %d signed", next, size)
	}
	return reader, nil
}

// nextEntry takes an entry, whose length is before it in two bytes, from a bundle.
func nextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
		return nil, nil, errors.New("it ends within an entry")
	}
	end := 2 + int(binary.BigEndian.Uint16(bundle))
	return bundle[2:end], bundle[end:], nil
}

func rootOf(size int64, tree tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, tree)
}

// startsWith checks that the log begins with the one of an older checkpoint.
func startsWith(file string, key note.Verifier, now head, tree tlog.HashReader) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, err := openHead(text, key)
	if err != nil {
		return err
	}
	if old.size > now.size {
		return fmt.Errorf("it is of %d entries, and now there are %d", old.size, now.size)
	}
	if old.size == 0 {
		if old.root != sha256.Sum256(nil) {
			return errors.New("its root is not that of no entries")
		}
		return nil
	}
	proof, err := tlog.ProveTree(now.size, old.size, tree)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, now.size, now.root, old.size, old.root)
}

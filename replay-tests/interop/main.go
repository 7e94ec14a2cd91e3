// Verifies what haloy publishes, with the tree and the notes of Go's own checksum database: it shares no
// line with haloy, and asks nothing of the network.
//
//	interop log FOLDER KEY [OLDER-CHECKPOINT ...]
//	interop proof FILE KEY
//
// Exit code 0 and a line that starts with "ok", or 1 and the reason.
package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	said, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok", said)
}

func run(args []string) (string, error) {
	if len(args) < 3 {
		return "", errors.New("usage: interop log FOLDER KEY [OLDER-CHECKPOINT ...] | interop proof FILE KEY")
	}
	key, err := note.NewVerifier(args[2])
	if err != nil {
		return "", fmt.Errorf("the key: %w", err)
	}
	switch args[0] {
	case "log":
		return verifyLog(args[1], key, args[3:])
	case "proof":
		return verifyProof(args[1], key)
	}
	return "", fmt.Errorf("%q is no subcommand", args[0])
}

// head is what a checkpoint says (c2sp.org/tlog-checkpoint).
type head struct {
	size int64
	root tlog.Hash
}

// openHead reads a checkpoint that the key has signed, and that is of the log of that name.
func openHead(text []byte, key note.Verifier) (head, error) {
	signed, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 {
		return head{}, errors.New("a checkpoint has three lines")
	}
	if lines[0] != key.Name() {
		return head{}, fmt.Errorf("it is of the log %q", lines[0])
	}
	size, err := decimal(lines[1])
	if err != nil {
		return head{}, err
	}
	root, err := hash(lines[2])
	return head{size, root}, err
}

// decimal reads a number that is written in the only way it can be.
func decimal(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || strconv.FormatInt(number, 10) != text {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return number, nil
}

// decode reads base64 that is written in the only way it can be.
func decode(text string) ([]byte, error) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(bytes) != text {
		return nil, fmt.Errorf("%q is not base64", text)
	}
	return bytes, nil
}

func hash(text string) (tlog.Hash, error) {
	bytes, err := decode(text)
	if err != nil || len(bytes) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%q is no hash", text)
	}
	var hash tlog.Hash
	copy(hash[:], bytes)
	return hash, nil
}

// verifyProof checks a c2sp.org/tlog-proof@v1 with the entry in its "extra" line.
func verifyProof(file string, key note.Verifier) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	proof, checkpoint, found := strings.Cut(string(text), "\n\n")
	if !found {
		return "", errors.New("there is no checkpoint")
	}
	lines := strings.Split(proof, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("it is no proof with an entry")
	}
	if !strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return "", errors.New("there is no entry, or no index")
	}
	entry, err := decode(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return "", err
	}
	index, err := decimal(strings.TrimPrefix(lines[2], "index "))
	if err != nil {
		return "", err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := hash(line)
		if err != nil {
			return "", err
		}
		path = append(path, hash)
	}
	head, err := openHead([]byte(checkpoint), key)
	if err != nil {
		return "", fmt.Errorf("the checkpoint: %w", err)
	}
	if err := tlog.CheckRecord(path, head.size, head.root, index, tlog.RecordHash(entry)); err != nil {
		return "", fmt.Errorf("entry %d of %d: %w", index, head.size, err)
	}
	return fmt.Sprintf("entry %d of %d", index, head.size), nil
}

package main

import (
	"os"
	"os/exec"
	"strings"
)

// shell understands `sh -c` with commands joined by `;` and `&&`, single and double quotes, and
// variables such as $NAME. Each command is a process of its own, but for `exit` and `exec`.
func shell(arguments []string) int {
	if len(arguments) < 2 || arguments[0] != "-c" {
		return complain(2, "sh: only sh -c COMMANDS is known")
	}
	code := 0
	for _, step := range steps(arguments[1]) {
		if len(step.words) == 0 || step.needsSuccess && code != 0 {
			continue
		}
		if step.words[0] == "exit" && len(step.words) > 1 {
			return exit(step.words[1:])
		}
		if step.words[0] == "exec" && len(step.words) > 1 {
			return run(step.words[1:])
		}
		code = child(step.words)
	}
	return code
}

type step struct {
	words        []string
	needsSuccess bool
}

func steps(text string) []step {
	var found []step
	current, word, quote, begun := step{}, strings.Builder{}, rune(0), false
	endWord := func() {
		if begun {
			current.words = append(current.words, word.String())
		}
		word.Reset()
		begun = false
	}
	endStep := func(needsSuccess bool) {
		endWord()
		found = append(found, current)
		current = step{needsSuccess: needsSuccess}
	}
	letters := []rune(text)
	for at := 0; at < len(letters); at++ {
		switch letter := letters[at]; {
		case quote != 0 && letter == quote:
			quote = 0
		case quote == 0 && (letter == '\'' || letter == '"'):
			quote, begun = letter, true
		case quote != '\'' && letter == '$':
			name := variable(letters[at+1:])
			word.WriteString(os.Getenv(name))
			at, begun = at+len(name), true
		case quote == 0 && (letter == ';' || letter == '\n'):
			endStep(false)
		case quote == 0 && letter == '&' && at+1 < len(letters) && letters[at+1] == '&':
			endStep(true)
			at++
		case quote == 0 && (letter == ' ' || letter == '\t'):
			endWord()
		default:
			word.WriteRune(letter)
			begun = true
		}
	}
	endStep(false)
	return found
}

func variable(letters []rune) string {
	length := 0
	for length < len(letters) && (letters[length] == '_' ||
		letters[length] >= 'A' && letters[length] <= 'Z' ||
		letters[length] >= 'a' && letters[length] <= 'z' ||
		letters[length] >= '0' && letters[length] <= '9') {
		length++
	}
	return string(letters[:length])
}

func child(words []string) int {
	process := exec.Command(words[0], words[1:]...)
	process.Stdin, process.Stdout, process.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := process.Run()
	if process.ProcessState != nil {
		return process.ProcessState.ExitCode()
	}
	return complain(commandNotFound, "sh: %s: not found (%v)", words[0], err)
}

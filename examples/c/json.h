/* Just enough JSON to find a value by its path. Real hosts use a JSON library. */
#ifndef EXAMPLE_JSON_H
#define EXAMPLE_JSON_H

#include <stddef.h>
#include <string.h>

/* A piece of a document, not NUL-terminated; start is NULL if there is none. Strings are without their quotes. */
typedef struct {
  const char *start;
  size_t len;
} span;

static inline const char *json_space(const char *p) {
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') p++;
  return p;
}

/* Returns where the value at p ends. The core sends valid JSON only. */
static inline const char *json_end(const char *p) {
  int depth = 0;
  do {
    if (*p == '"') {
      for (p++; *p != '"'; p++)
        if (*p == '\\') p++;
    } else if (*p == '{' || *p == '[') {
      depth++;
    } else if (*p == '}' || *p == ']') {
      depth--;
    } else if (depth == 0) {
      while (*p != 0 && !strchr(",]} \n\r\t", *p)) p++;
      return p;
    }
    p++;
  } while (depth > 0);
  return p;
}

/* Finds the value under a path of keys, such as "task.context.n". */
static inline span json_find(const char *p, const char *path) {
  while (*path) {
    size_t key = strcspn(path, ".");
    p = json_space(p);
    if (*p != '{') return (span){NULL, 0};
    for (p = json_space(p + 1);; p = json_space(p + 1)) {
      if (*p != '"') return (span){NULL, 0};
      const char *name = p + 1;
      p = json_end(p);
      size_t len = (size_t)(p - 1 - name);
      p = json_space(json_space(p) + 1); /* the colon */
      if (len == key && memcmp(name, path, key) == 0) break;
      p = json_space(json_end(p));
      if (*p != ',') return (span){NULL, 0};
    }
    path += key + (path[key] == '.');
  }
  const char *end = json_end(p);
  if (*p == '"') return (span){p + 1, (size_t)(end - p - 2)};
  return (span){p, (size_t)(end - p)};
}

static inline int span_is(span s, const char *text) { return s.start && s.len == strlen(text) && memcmp(s.start, text, s.len) == 0; }

#endif

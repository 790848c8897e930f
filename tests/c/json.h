/* Reading JSON text in place, as far as the test programs need it: no copy of a document is made,
 * so that users and values go on exactly as they stand there. The text is known to be JSON. */
#ifndef JSON_H
#define JSON_H

#include <stdlib.h>
#include <string.h>

/* A value within a text. `at` is NULL for one that is not there. */
typedef struct {
  const char *at;
  size_t len;
} json_value;

static const char *json_blank(const char *at) {
  while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
  return at;
}

/* The end of the value that starts at `at`. */
static const char *json_end(const char *at) {
  int depth = 0, quoted = 0;
  for (;; at++) {
    if (quoted) {
      if (*at == '\\') at++;
      else if (*at == '"') quoted = 0;
    } else if (*at == '"') {
      quoted = 1;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (*at == '}' || *at == ']') {
      if (depth-- == 0) return at;
    } else if (depth == 0 && (*at == ',' || *at == ':')) {
      return at;
    } else if (*at == '\0') {
      return at;
    }
    if (depth == 0 && !quoted && (*at == '}' || *at == ']' || *at == '"')) return at + 1;
  }
}

static json_value json_at(const char *at) {
  json_value value;
  value.at = json_blank(at);
  value.len = (size_t)(json_end(value.at) - value.at);
  while (value.len > 0 && json_blank(value.at + value.len - 1) != value.at + value.len - 1)
    value.len--;
  return value;
}

/* What follows a value and its comma; the closing bracket is followed by nothing. */
static const char *json_next(json_value value) {
  const char *at = json_blank(value.at + value.len);
  return *at == ',' ? json_blank(at + 1) : NULL;
}

/* The first entry of an object or list, or NULL if it is empty or neither. */
static const char *json_first(json_value value) {
  const char *at;
  if (value.at == NULL || (*value.at != '{' && *value.at != '[')) return NULL;
  at = json_blank(value.at + 1);
  return *at == '}' || *at == ']' ? NULL : at;
}

/* The bytes of a text, one after the other: as UTF-8, without escapes. */
typedef struct {
  const char *at;
  unsigned char waiting[4];
  int count;
} json_text;

static json_text json_text_of(json_value value) {
  json_text text = {NULL, {0}, 0};
  if (value.at != NULL && *value.at == '"') text.at = value.at + 1;
  return text;
}

static unsigned long json_hex(const char *at) {
  char digits[5] = {0};
  memcpy(digits, at, 4);
  return strtoul(digits, NULL, 16);
}

/* The next byte, or -1 at the end. */
static int json_byte(json_text *text) {
  static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  unsigned long point;
  int at = 0;
  if (text->count > 0) {
    unsigned char byte = text->waiting[0];
    memmove(text->waiting, text->waiting + 1, (size_t)--text->count);
    return byte;
  }
  if (text->at == NULL || *text->at == '"') return -1;
  if (*text->at != '\\') return (unsigned char)*text->at++;
  text->at++;
  if (*text->at != 'u') return meant[strchr(plain, *text->at++) - plain];
  point = json_hex(text->at + 1);
  text->at += 5;
  if (point >= 0xD800 && point < 0xDC00) {
    point = 0x10000 + ((point - 0xD800) << 10) + (json_hex(text->at + 2) - 0xDC00);
    text->at += 6;
  }
  if (point < 0x80) return (int)point;
  if (point >= 0x10000) {
    text->waiting[at++] = (unsigned char)(0xF0 | point >> 18);
    text->waiting[at++] = (unsigned char)(0x80 | (point >> 12 & 0x3F));
  } else if (point >= 0x800) {
    text->waiting[at++] = (unsigned char)(0xE0 | point >> 12);
  }
  if (point >= 0x800) text->waiting[at++] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
  else text->waiting[at++] = (unsigned char)(0xC0 | point >> 6);
  text->waiting[at++] = (unsigned char)(0x80 | (point & 0x3F));
  text->count = at;
  return json_byte(text);
}

/* Copies a text without its escapes and gives its length. */
static size_t json_copy(json_value value, char *out, size_t room) {
  json_text text = json_text_of(value);
  size_t len = 0;
  int byte;
  while ((byte = json_byte(&text)) >= 0 && len + 1 < room) out[len++] = (char)byte;
  out[len] = '\0';
  return len;
}

static int json_same_text(json_value a, json_value b) {
  json_text left = json_text_of(a), right = json_text_of(b);
  int byte;
  while ((byte = json_byte(&left)) == json_byte(&right))
    if (byte < 0) return 1;
  return 0;
}

/* The member of an object whose name, itself a value, is `key`. */
static json_value json_named(json_value object, json_value key) {
  const json_value none = {NULL, 0};
  const char *at = json_first(object);
  while (at != NULL) {
    json_value name = json_at(at);
    json_value value = json_at(json_blank(name.at + name.len) + 1);
    if (json_same_text(name, key)) return value;
    at = json_next(value);
  }
  return none;
}

static json_value json_member(json_value object, const char *key) {
  char quoted[64];
  json_value name = {quoted, strlen(key) + 2};
  quoted[0] = '"';
  memcpy(quoted + 1, key, name.len - 2);
  memcpy(quoted + name.len - 1, "\"", 2);
  return json_named(object, name);
}

static size_t json_count(json_value value) {
  const char *at = json_first(value);
  size_t count = 0;
  while (at != NULL) {
    json_value entry = json_at(at);
    if (*value.at == '{') entry = json_at(json_blank(entry.at + entry.len) + 1);
    count++;
    at = json_next(entry);
  }
  return count;
}

/* Whether two values are the same: members in any order, numbers by value. */
static int json_same(json_value a, json_value b) {
  const char *left, *right;
  if (a.at == NULL || b.at == NULL) return 0;
  if (*a.at == '"' || *b.at == '"') return *a.at == *b.at && json_same_text(a, b);
  if (*a.at == 't' || *a.at == 'f' || *a.at == 'n') return *a.at == *b.at;
  if (*b.at == 't' || *b.at == 'f' || *b.at == 'n') return 0;
  if (*a.at != '{' && *a.at != '[')
    return *b.at != '{' && *b.at != '[' && strtod(a.at, NULL) == strtod(b.at, NULL);
  if (*a.at != *b.at || json_count(a) != json_count(b)) return 0;
  left = json_first(a);
  right = json_first(b);
  while (left != NULL) {
    json_value one = json_at(left);
    if (*a.at == '{') {
      json_value member = json_at(json_blank(one.at + one.len) + 1);
      if (!json_same(member, json_named(b, one))) return 0;
      left = json_next(member);
    } else {
      json_value other = json_at(right);
      if (!json_same(one, other)) return 0;
      left = json_next(one);
      right = json_next(other);
    }
  }
  return 1;
}

#endif

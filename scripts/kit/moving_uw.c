/* The part of UW's ipop3d that shows a mailbox, on its own engine (c-client): UIDL is
 * "%08lx%08lx" of uid validity and uid, LIST is the message and a Status line of twelve octets
 * (`Status: ` and two letters, CR LF), RETR is the header, that line, an empty line and the text.
 * Debian packages the engine and not the server. USER, PASS take anything. */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include "c-client.h"

static MAILSTREAM *stream;
static unsigned long shown[100000], count;

static void send_octets(const char *text, unsigned long size) {
    int start = 1;
    for (unsigned long i = 0; i < size; i++) {
        if (start && text[i] == '.') putchar('.');
        putchar(text[i]);
        start = text[i] == '\n';
    }
}

static void retrieve(unsigned long message) {
    unsigned long size;
    MESSAGECACHE *elt = mail_elt(stream, message);
    char seen = elt->seen ? 'R' : ' ', old = elt->recent ? ' ' : 'O';
    char *header = mail_fetchheader_full(stream, message, NIL, &size, FT_PEEK);
    if (size > 2) send_octets(header, size - 2);
    if (size < 4) printf("\r\n");
    else if (header[size - 3] == '\n') printf("Status: %c%c\r\n\r\n", seen, old);
    else printf("\r\nStatus: %c%c\r\n", seen, old);
    char *text = mail_fetchtext_full(stream, message, &size, NIL);
    if (size > 2) send_octets(text, size - 2);
    if (size) printf("\r\n");
    printf(".\r\n");
}

static void command(char *line) {
    if (!strncmp(line, "RETR ", 5)) {
        printf("+OK\r\n");
        retrieve(shown[atoi(line + 5)]);
        return;
    }
    printf("+OK\r\n");
    if (strncmp(line, "UIDL", 4) && strncmp(line, "LIST", 4)) return;
    for (unsigned long i = 1; i <= count; i++) {
        if (*line == 'U') printf("%lu %08lx%08lx\r\n", i, stream->uid_validity, mail_uid(stream, shown[i]));
        else printf("%lu %lu\r\n", i, mail_elt(stream, shown[i])->rfc822_size + 12);
    }
    printf(".\r\n");
}

int main(void) {
    char line[1024], range[64];
#include "linkage.c"
    setvbuf(stdout, NULL, _IOFBF, 65536);
    stream = mail_open(NIL, "INBOX", NIL);
    if (!stream) { printf("-ERR cannot open\r\n"); return 1; }
    if (stream->nmsgs) {
        sprintf(range, "1:%lu", stream->nmsgs);
        mail_fetchfast(stream, range);
        for (unsigned long i = 1; i <= stream->nmsgs; i++)
            if (!mail_elt(stream, i)->deleted) shown[++count] = i;
    }
    printf("+OK\r\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        command(line);
        fflush(stdout);
        if (!strncmp(line, "QUIT", 4)) break;
    }
    mail_close(stream);
    return 0;
}

void mm_searched(MAILSTREAM *s, unsigned long n) {}
void mm_exists(MAILSTREAM *s, unsigned long n) {}
void mm_expunged(MAILSTREAM *s, unsigned long n) {}
void mm_flags(MAILSTREAM *s, unsigned long n) {}
void mm_notify(MAILSTREAM *s, char *t, long e) {}
void mm_list(MAILSTREAM *s, int d, char *n, long a) {}
void mm_lsub(MAILSTREAM *s, int d, char *n, long a) {}
void mm_status(MAILSTREAM *s, char *m, MAILSTATUS *t) {}
void mm_log(char *t, long e) { fprintf(stderr, "%s\n", t); }
void mm_dlog(char *t) {}
void mm_login(NETMBX *m, char *u, char *p, long t) {}
void mm_critical(MAILSTREAM *s) {}
void mm_nocritical(MAILSTREAM *s) {}
long mm_diskerror(MAILSTREAM *s, long e, long f) { return 1; }
void mm_fatal(char *t) { fprintf(stderr, "%s\n", t); }

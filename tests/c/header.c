/* kvreg.h stands alone, and may be included twice. */
#include "kvreg.h"
#include "kvreg.h"

#include "check.h"

/* An extra declaration must agree with the header's: the header declares what its manual says. */
kvreg_status kvreg_create(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);

TEST(types_have_the_promised_size) {
    CHECK_EQ(sizeof(kvreg_status), 4);
    CHECK_EQ(sizeof(kvreg_registry), 8);
    CHECK_EQ(sizeof(kvreg_bucket), 8);
    CHECK_EQ(sizeof(kvreg_snapshot), 8);
    CHECK_EQ(sizeof(kvreg_batch), 8);
    CHECK_EQ(sizeof(kvreg_cursor), 16);
    CHECK_EQ(offsetof(kvreg_add_options, size), 0);
    CHECK_EQ(sizeof(kvreg_value), 8 + 2 * sizeof(void *) + sizeof(void *));
    CHECK_EQ(offsetof(kvreg_options, size), 0);
    CHECK_EQ(offsetof(kvreg_api, start), 4 + 4 + sizeof(size_t) + 8 + sizeof(char *));
}

TEST(options_are_the_defaults) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    CHECK_EQ(options.size, sizeof options);
    CHECK(options.name == NULL);
    CHECK_EQ(options.name_len, 0);
    kvreg_add_options add = KVREG_ADD_OPTIONS_INIT;
    CHECK_EQ(add.size, sizeof add);
    CHECK(add.initial == 0 && add.min == INT64_MIN && add.max == INT64_MAX && add.flags == 0);
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    CHECK(cursor.position[0] == 0 && cursor.position[1] == 0);
}

TEST(versions_agree) {
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", KVREG_VERSION_MAJOR, KVREG_VERSION_MINOR, KVREG_VERSION_PATCH);
    CHECK(strcmp(text, KVREG_VERSION) == 0);
    CHECK(strcmp(kvreg_version(), KVREG_VERSION) == 0);
}

TEST(every_status_has_its_name_and_a_sentence) {
    static const struct {
        kvreg_status status;
        const char *name;
    } known[] = {
#define STATUS(name) {name, #name}
        STATUS(KVREG_OK), STATUS(KVREG_NOT_FOUND), STATUS(KVREG_EXISTS), STATUS(KVREG_INVALID_ARGUMENT),
        STATUS(KVREG_BAD_HANDLE), STATUS(KVREG_DEAD), STATUS(KVREG_STOPPED), STATUS(KVREG_WRONG_TYPE),
        STATUS(KVREG_CONFLICT), STATUS(KVREG_OUT_OF_RANGE), STATUS(KVREG_DEADLOCK), STATUS(KVREG_TIMED_OUT),
        STATUS(KVREG_WOULD_BLOCK), STATUS(KVREG_FORKED), STATUS(KVREG_ACCESS_DENIED), STATUS(KVREG_PANICKED),
        STATUS(KVREG_OUT_OF_MEMORY), STATUS(KVREG_IO), STATUS(KVREG_CORRUPT), STATUS(KVREG_UNSUPPORTED),
        STATUS(KVREG_FAILED),
    };
    const int count = (int)(sizeof known / sizeof known[0]);
    for (int i = 0; i < count; i++) {
        CHECK_EQ(known[i].status, -i);
        CHECK(strcmp(kvreg_status_name(known[i].status), known[i].name) == 0);
        const char *message = kvreg_status_message(known[i].status);
        CHECK(strlen(message) > 3 && message[strlen(message) - 1] == '.');
        for (int j = 0; j < i; j++) CHECK(strcmp(message, kvreg_status_message(known[j].status)) != 0);
    }
    const kvreg_status unknown[] = {1, -count, 4711, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        CHECK(strcmp(kvreg_status_name(unknown[i]), "KVREG_?") == 0);
        CHECK(strlen(kvreg_status_message(unknown[i])) > 3);
    }
}

int main(void) {
    RUN(types_have_the_promised_size);
    RUN(options_are_the_defaults);
    RUN(versions_agree);
    RUN(every_status_has_its_name_and_a_sentence);
    return check_end();
}

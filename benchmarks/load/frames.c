#include "frames.h"

#include <string.h>

#include "failure.h"

/* Any but zero, which servers might do nothing for. */
static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

static void write_number(uint8_t *to, int size, uint64_t number)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> 8 * (size - 1 - i));
}

size_t write_frame(uint8_t *to, uint8_t first, struct bytes payload)
{
    uint8_t *at = to;
    size_t length = payload.size;
    int field = length <= 125 ? 0 : length <= 0xffff ? 2 : 8;
    *at++ = first;
    *at++ = (uint8_t)(0x80 | (field == 0 ? length : field == 2 ? 126 : 127));
    write_number(at, field, length);
    at += field;
    memcpy(at, MASK, sizeof MASK);
    at += sizeof MASK;
    for (size_t i = 0; i < length; i++)
        at[i] = (uint8_t)payload.data[i] ^ MASK[i % sizeof MASK];
    return (size_t)(at - to) + length;
}

static size_t head_size(const struct head_reader *reader)
{
    if (reader->size < 2)
        return 2;
    if (reader->bytes[1] & 0x80)
        fail("a frame of the server is masked");
    return reader->bytes[1] <= 125 ? 2 : reader->bytes[1] == 126 ? 4 : 10;
}

size_t head_take(struct head_reader *reader, const uint8_t *data, size_t size)
{
    size_t taken = 0;
    while (taken < size && reader->size < head_size(reader))
        reader->bytes[reader->size++] = data[taken++];
    return taken;
}

bool head_is_complete(const struct head_reader *reader, uint64_t *length)
{
    size_t size = head_size(reader);
    if (reader->size < size)
        return false;
    *length = reader->bytes[1];
    if (size > 2) {
        *length = 0;
        for (size_t i = 2; i < size; i++)
            *length = *length << 8 | reader->bytes[i];
    }
    return true;
}

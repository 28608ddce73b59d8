/**
 * Kafka's record batch, version 2 (magic 2), big-endian. Positions from the batch's first byte:
 *
 * ```
 *  0 baseOffset int64            not covered by the CRC
 *  8 batchLength int32           bytes after this field; not covered
 * 12 partitionLeaderEpoch int32  not covered
 * 16 magic int8                  2; not covered
 * 17 crc uint32                  CRC-32C of everything from 21 to the end
 * 21 attributes int16            bits 0-2 compression, 3 LogAppendTime, 4 transactional, 5 control
 * 23 lastOffsetDelta int32
 * 27 baseTimestamp int64         the producer's clock when the batch was begun
 * 35 maxTimestamp int64          with LogAppendTime: the log's clock when it was appended
 * 43 producerId int64            -1: none
 * 51 producerEpoch int16         -1: none
 * 53 baseSequence int32          -1: none
 * 57 recordCount int32
 * 61 records
 *
 * record: length varint | attributes int8 | timestampDelta varlong | offsetDelta varint
 *         | keyLength varint (-1: null) | key | valueLength varint (-1: null) | value
 *         | headerCount varint | (keyLength varint | key | valueLength varint | value)*
 * ```
 *
 * Varints are zigzag encoded. Source: https://kafka.apache.org/documentation/#recordbatch
 */
export const BATCH_OVERHEAD = 61;
export const BASE_OFFSET_AT = 0;
export const BATCH_LENGTH_AT = 8;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const RECORD_COUNT_AT = 57;

/** What `batchLength` leaves out: the base offset and itself. */
export const LENGTH_OVERHEAD = 12;
export const MAGIC = 2;
export const COMPRESSION_MASK = 0x07;
export const LOG_APPEND_TIME = 0x08;

/**
 * Large enough for every fixed-size part of one record without headers: five varints of at most 5 bytes and
 * one byte.
 */
export const RECORD_OVERHEAD_MAX = 26;

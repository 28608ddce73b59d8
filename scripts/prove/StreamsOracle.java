import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;

/** Reads one case a line, runs it in Kafka Streams' test driver, answers with what was written, one line each. */
public class StreamsOracle {
  static final Serde<String> TEXT = Serdes.String();
  static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      System.out.println(JSON.writeValueAsString(answer(JSON.readTree(line), args[0])));
    }
  }

  static List<Object[]> answer(JsonNode test, String stateFolder) {
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> left = builder.stream("left", Consumed.with(TEXT, TEXT));
    KStream<String, String> right = builder.stream("right", Consumed.with(TEXT, TEXT));
    for (JsonNode step : test.get("before")) left = stateless(left, step.asText());
    KStream<String, String> result = stateful(left, right, test.get("step"));
    for (JsonNode step : test.get("after")) result = stateless(result, step.asText());
    result.to("out", Produced.with(TEXT, TEXT));
    // Read on, so that the topic exists in cases that do not use it.
    right.foreach((key, value) -> {});
    Properties config = new Properties();
    config.put("application.id", "oracle");
    config.put("bootstrap.servers", "unused:1");
    config.put("statestore.cache.max.bytes", "0");
    config.put("state.dir", stateFolder);
    List<Object[]> written = new ArrayList<>();
    try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), config)) {
      StringSerializer text = new StringSerializer();
      var inputs = java.util.Map.of(
          "left", driver.createInputTopic("left", text, text),
          "right", driver.createInputTopic("right", text, text));
      for (JsonNode record : test.get("records")) {
        inputs.get(record.get("topic").asText())
            .pipeInput(textOf(record.get("key")), textOf(record.get("value")), record.get("timestampMs").asLong());
      }
      var output = driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
      while (!output.isEmpty()) {
        var record = output.readRecord();
        written.add(new Object[] {record.key(), record.value(), record.timestamp()});
      }
    }
    return written;
  }

  static String textOf(JsonNode node) {
    return node.isNull() ? null : node.asText();
  }

  static KStream<String, String> stateless(KStream<String, String> in, String name) {
    switch (name) {
      case "filter": return in.filter((key, value) -> isEven(value));
      case "filterNot": return in.filterNot((key, value) -> isEven(value));
      case "map": return in.map((key, value) -> KeyValue.pair(turned(key), value + "m"));
      case "mapValues": return in.mapValues(value -> value + "v");
      case "flatMap": return in.flatMap((key, value) ->
          List.of(KeyValue.pair(key, value + "1"), KeyValue.pair(turned(key), value + "2")));
      case "flatMapValues": return in.flatMapValues(value ->
          isEven(value) ? List.of(value + "e", value + "f") : List.of());
      case "selectKey": return in.selectKey((key, value) -> turned(key));
      case "peek": return in.peek((key, value) -> {});
      case "repartition": return in.repartition(Repartitioned.with(TEXT, TEXT));
      case "merge": return in.merge(in.mapValues(value -> value + "+"));
      case "split": {
        var branches = in.split(Named.as("split-" + counter++))
            .branch((key, value) -> isEven(value), Branched.as("even")).defaultBranch(Branched.as("odd"));
        var names = branches.keySet().stream().sorted().toList();
        return branches.get(names.get(0)).mapValues(value -> value + "E").merge(branches.get(names.get(1)));
      }
      default: throw new IllegalArgumentException(name);
    }
  }

  static int counter = 0;

  static boolean isEven(String value) {
    return value != null && value.length() % 2 == 0;
  }

  static String turned(String key) {
    return key == null ? null : key.equals("a") ? "b" : "a";
  }

  static KStream<String, String> stateful(KStream<String, String> left, KStream<String, String> right, JsonNode step) {
    long one = step.get("oneMs").asLong();
    long two = step.get("twoMs").asLong();
    Duration grace = Duration.ofMillis(step.get("graceMs").asLong());
    Grouped<String, String> grouped = Grouped.with(TEXT, TEXT);
    switch (step.get("name").asText()) {
      case "none": return left;
      case "tableJoin":
        return left.join(right.toTable(Materialized.with(TEXT, TEXT)), (value, row) -> value + "+" + row,
            Joined.with(TEXT, TEXT, TEXT));
      case "tableLeftJoin":
        return left.leftJoin(right.toTable(Materialized.with(TEXT, TEXT)), (value, row) -> value + "+" + row,
            Joined.with(TEXT, TEXT, TEXT));
      case "streamJoin":
        return left.join(right, (value, other) -> value + "+" + other,
            JoinWindows.ofTimeDifferenceAndGrace(Duration.ZERO, grace)
                .before(Duration.ofMillis(one)).after(Duration.ofMillis(two)),
            StreamJoined.with(TEXT, TEXT, TEXT));
      case "aggregate":
        return left.groupByKey(grouped).aggregate(() -> "", (key, value, sum) -> sum + value,
            Materialized.with(TEXT, TEXT)).toStream();
      case "reduce":
        return left.groupByKey(grouped).reduce((sum, value) -> sum + value, Materialized.with(TEXT, TEXT)).toStream();
      case "count":
        return left.groupByKey(grouped).count().toStream().mapValues(count -> "" + count);
      case "tableFilter":
        return left.toTable(Materialized.with(TEXT, TEXT)).filter((key, value) -> isEven(value))
            .mapValues(value -> value + "t").toStream();
      case "suppressLimit":
        return left.groupByKey(grouped).aggregate(() -> "", (key, value, sum) -> sum + value,
            Materialized.with(TEXT, TEXT)).suppress(Suppressed.untilTimeLimit(Duration.ofMillis(one),
                Suppressed.BufferConfig.maxRecords(two + 1).emitEarlyWhenFull())).toStream();
      case "tumbling": return flat(tumbling(left.groupByKey(grouped), one + 1, one + 1, grace));
      case "hopping": return flat(tumbling(left.groupByKey(grouped), one + two + 1, one + 1, grace));
      case "tumblingFinal":
        return flat(tumbling(left.groupByKey(grouped), one + 1, one + 1, grace)
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())));
      case "session": return flat(session(left.groupByKey(grouped), one, grace));
      case "sessionFinal":
        return flat(session(left.groupByKey(grouped), one, grace)
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())));
      default: throw new IllegalArgumentException(step.toString());
    }
  }

  static KTable<Windowed<String>, String> tumbling(KGroupedStream<String, String> in, long size, long advance, Duration grace) {
    return in.windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(size), grace).advanceBy(Duration.ofMillis(advance)))
        .aggregate(() -> "", (key, value, sum) -> sum + value, Materialized.with(TEXT, TEXT));
  }

  static KTable<Windowed<String>, String> session(KGroupedStream<String, String> in, long gap, Duration grace) {
    return in.windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(gap), grace))
        .aggregate(() -> "", (key, value, sum) -> sum + value, (key, early, late) -> early + "|" + late,
            Materialized.with(TEXT, TEXT));
  }

  static KStream<String, String> flat(KTable<Windowed<String>, String> table) {
    return table.toStream((windowed, value) ->
        windowed.key() + "@" + windowed.window().start() + "-" + windowed.window().end());
  }
}

"""Answers to questions of the data set `mini`, all right officially: one is proved, the others are refuted, and how."""

from published import predict
from sources import LIMITS, Golds

from harness import datasets
from harness.comparison import equal_official
from harness.execution import Executor
from harness.metrics.ast_equivalent import AstEquivalent

ANSWERS = {
    264: "SELECT k.name FROM keeper k, colony c WHERE 7 = c.colony_id AND k.keeper_id = c.keeper_id",
    268: "SELECT k.name FROM inspection i JOIN colony c USING (colony_id) JOIN keeper k USING (keeper_id) "
    "WHERE i.mood = 'aggressive' GROUP BY k.keeper_id",
    299: "SELECT full_name FROM guide WHERE wage >= 15.5",
    306: "SELECT COUNT(DISTINCT company) FROM team WHERE team_id IN (SELECT team_id FROM game)",
}
BUDGET = 200


def main() -> None:
    """Print each answer with its verdict."""
    dataset = datasets.load(datasets.MINI)
    with Executor(dataset.databases, limits=LIMITS, workers=1) as executor:
        golds = Golds("mini", dataset, executor)
        for example in dataset.examples:
            sql = ANSWERS.get(int(example.question_id))
            if sql is None:
                continue
            prediction = predict(golds, example, sql)
            gold, predicted = (prediction.golds or ())[0], prediction.execution
            assert predicted is not None
            official = "right" if equal_official(predicted.rows, gold.rows) else "wrong"
            reason = AstEquivalent(BUDGET).score(prediction, executor).reason
            print(f"-- {example.question}\n-- gold:      {example.gold_sql}\n-- predicted: {sql}")
            print(f"-- officially {official}; {reason}\n")


if __name__ == "__main__":
    main()

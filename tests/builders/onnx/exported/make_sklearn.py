"""Makes the files of this folder whose names begin with sklearn or xgboost.

It needs packages that the project does not have; in an environment of their own::

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 xgboost==3.2.0 onnxmltools==1.16.0
    python tests/builders/onnx/exported/make_sklearn.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as XgbFloats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((120, 4)).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] > 0).astype(np.int64) + (X[:, 2] > 1)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]
CITIES = np.array(["Ulm", "Köln", "Bonn"])[RANDOM.integers(3, size=120)]
TEXTS = [
    f"the {city} office is {'open' if kind else 'closed'}"
    for city, kind in zip(CITIES, CLASSES, strict=True)
]


def save(name: str, model: Any) -> None:
    file = HERE / f"{name}.onnx"
    file.write_bytes(model.SerializeToString())
    print(f"{file.name}: {file.stat().st_size} bytes")


def main() -> None:
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, CLASSES)
    save("sklearn_logistic_zipmap", to_onnx(logistic, X[:1]))
    save("sklearn_logistic", to_onnx(logistic, X[:1], options={id(logistic): {"zipmap": False}}))

    forest = RandomForestClassifier(4, max_depth=3, random_state=0).fit(X, NAMES)
    save("sklearn_forest_names", to_onnx(forest, X[:1], options={id(forest): {"zipmap": False}}))
    save("sklearn_forest_zipmap", to_onnx(forest, X[:1]))
    save(
        "sklearn_forest_columns",
        to_onnx(forest, X[:1], options={id(forest): {"zipmap": "columns"}}),
    )

    boosted = GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0).fit(X, X[:, 0])
    save("sklearn_boosting", to_onnx(boosted, X[:1]))

    isolation = IsolationForest(n_estimators=3, max_samples=16, random_state=0).fit(X)
    save("sklearn_isolation", to_onnx(isolation, X[:1], target_opset={"": 18, "ai.onnx.ml": 3}))

    save("sklearn_kmeans", to_onnx(KMeans(3, n_init=1, random_state=0).fit(X), X[:1]))

    machine = SVC(probability=True, random_state=0).fit(X[:40], CLASSES[:40])
    save("sklearn_svc", to_onnx(machine, X[:1], options={id(machine): {"zipmap": False}}))

    import pandas

    table = pandas.DataFrame({"age": X[:, 0], "height": X[:, 1], "city": CITIES})
    mixed = make_pipeline(
        ColumnTransformer(
            [("numbers", StandardScaler(), ["age", "height"]), ("words", OneHotEncoder(), ["city"])]
        ),
        LogisticRegression(),
    ).fit(table, CLASSES)
    columns = [
        ("age", FloatTensorType([None, 1])),
        ("height", FloatTensorType([None, 1])),
        ("city", StringTensorType([None, 1])),
    ]
    save(
        "sklearn_columns",
        to_onnx(mixed, initial_types=columns, options={id(mixed): {"zipmap": False}}),
    )

    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, NAMES)
    for name, options in (("sklearn_texts_locale", {}), ("sklearn_texts", {"locale": "C"})):
        save(
            name,
            to_onnx(
                texts,
                initial_types=[("text", StringTensorType([None]))],
                options={id(texts): {"zipmap": False}, TfidfVectorizer: options},
            ),
        )
    save(
        "sklearn_double",
        to_onnx(logistic, X[:1].astype(np.float64), options={id(logistic): {"zipmap": False}}),
    )

    floats = [("features", XgbFloats([None, 4]))]
    classes = XGBClassifier(n_estimators=3, max_depth=2).fit(X, CLASSES)
    save("xgboost_classifier", convert_xgboost(classes, initial_types=floats))
    two = XGBClassifier(n_estimators=3, max_depth=2).fit(X, CLASSES > 0)
    save("xgboost_binary", convert_xgboost(two, initial_types=floats))
    regressor = XGBRegressor(n_estimators=3, max_depth=2).fit(X, X[:, 0])
    save("xgboost_regressor", convert_xgboost(regressor, initial_types=floats))


if __name__ == "__main__":
    main()

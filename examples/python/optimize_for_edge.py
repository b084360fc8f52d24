"""Document 000: what this machine is, and a model in the form that suits it.

    python optimize_for_edge.py --model model.tflite
"""
from inputs import inputs

from fovea.realtime import EdgeComputingManager

given = inputs()
original_model = given.model

edge_manager = EdgeComputingManager()

info = edge_manager.get_device_info()
print(f"Device: {info['device_type']}")

optimized_model = edge_manager.optimize_model_for_edge(
    model=original_model,
    model_format="tensorflow"
)

print(f"Runs on: {optimized_model.backend} {optimized_model.device} {optimized_model.precision}")
print(f"Converted: {optimized_model.converted} ({optimized_model.why})")

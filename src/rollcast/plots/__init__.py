"""Pictures of forecasts, of training and of scores, and the report that holds them."""

from rollcast.plots.against import against
from rollcast.plots.costs import costs
from rollcast.plots.coverage import coverage_by_step
from rollcast.plots.curves import curves
from rollcast.plots.fan import forecast_fan
from rollcast.plots.gradients import gradient_flow, gradient_norms
from rollcast.plots.pictures import (
    GradientPicture,
    ResidualPicture,
    RollingPicture,
    SeriesPicture,
    TrainingCurve,
    WavePicture,
)
from rollcast.plots.report import Report, write_report
from rollcast.plots.residuals import residual_picture, residuals
from rollcast.plots.rolling import rolling_origins
from rollcast.plots.scores import error_by_step, headline, relative_scores
from rollcast.plots.training import training_curve
from rollcast.plots.waves import waves, with_slider

__all__ = [
    "GradientPicture",
    "Report",
    "ResidualPicture",
    "RollingPicture",
    "SeriesPicture",
    "TrainingCurve",
    "WavePicture",
    "against",
    "costs",
    "coverage_by_step",
    "curves",
    "error_by_step",
    "forecast_fan",
    "gradient_flow",
    "gradient_norms",
    "headline",
    "relative_scores",
    "residual_picture",
    "residuals",
    "rolling_origins",
    "training_curve",
    "waves",
    "with_slider",
    "write_report",
]
